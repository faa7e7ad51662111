from vllm.multimodal.processing import (
    BaseMultiModalProcessor,
    BaseProcessingInfo,
    PromptReplacement,
    PromptUpdateDetails,
    cached_encode,
)


class FinchProcessingInfo(BaseProcessingInfo):
    def get_image_repl(self, *, width: int, height: int, processor=None) -> str:
        tokenizer = self.get_tokenizer()
        sequence = processor.full_image_sequence
        return PromptUpdateDetails.select_token_id(
            cached_encode(tokenizer, sequence, add_special_tokens=False),
            processor.image_token_id,
        )


class FinchMultiModalProcessor(BaseMultiModalProcessor[FinchProcessingInfo]):
    def _get_prompt_updates(self, mm_items, hf_processor_mm_kwargs, out_mm_kwargs):
        tokenizer = self.info.get_tokenizer()
        hf_processor = self.info.get_hf_processor(**hf_processor_mm_kwargs)

        def get_replacement_image(item_idx: int):
            return self.info.get_image_repl(width=1, height=1, processor=hf_processor)

        return [
            PromptReplacement(
                modality="image",
                target=cached_encode(
                    tokenizer,
                    hf_processor.image_token,
                    add_special_tokens=False,
                ),
                replacement=get_replacement_image,
            )
        ]
