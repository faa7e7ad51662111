from vllm.multimodal.processing import (
    BaseMultiModalProcessor,
    PromptReplacement,
    PromptUpdateDetails,
)


class FinchProcessor(BaseMultiModalProcessor):
    def _get_hf_mm_text(self, mm_counts):
        return "<|AUDIO|>" * mm_counts["audio"]

    def _get_prompt_updates(self, mm_items, hf_processor_mm_kwargs, out_mm_kwargs):
        audio_token_id, audio_bos_id, audio_eos_id = self.info.ids()

        def sung(item_idx: int):
            tokens = [audio_token_id] * 4
            return PromptUpdateDetails.select_token_id(
                [audio_bos_id] + tokens + [audio_eos_id], embed_token_id=audio_token_id
            )

        return [PromptReplacement(modality="audio", target=[audio_token_id], replacement=sung)]
