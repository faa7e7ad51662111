from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def _apply_hf_processor_tokens_only(self, prompt_tokens: list[int]) -> list[int]:
        return [1, *super()._apply_hf_processor_tokens_only(prompt_tokens)]
