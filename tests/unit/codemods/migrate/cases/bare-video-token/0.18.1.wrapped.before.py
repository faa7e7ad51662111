from vllm.multimodal.processing import BaseMultiModalProcessor, PromptReplacement


class FinchProcessor(BaseMultiModalProcessor):
    def _get_hf_mm_text(self, mm_counts):
        return "<|vision_start|><|video_pad|><|vision_end|>" * mm_counts["video"]

    def _get_prompt_updates(self, mm_items, hf_processor_mm_kwargs, out_mm_kwargs):
        tokenizer = self.info.get_tokenizer()
        return [
            PromptReplacement(
                modality="video",
                target="<|vision_start|><|video_pad|><|vision_end|>",  # one token each
                replacement=[7],
            ),
            PromptReplacement(modality="image", target="<|image_pad|>", replacement=[8]),
        ]
