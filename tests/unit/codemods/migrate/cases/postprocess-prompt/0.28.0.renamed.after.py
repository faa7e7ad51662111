from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def _postprocess_prompt(self, prompt_tokens: list[int]) -> list[int]:
        return [1, *super()._postprocess_prompt(prompt_tokens)]
