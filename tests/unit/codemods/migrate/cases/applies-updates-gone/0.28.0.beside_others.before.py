from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    # HF's processor does nothing of the kind
    def _hf_processor_applies_updates(
        self, prompt_text, mm_items, hf_processor_mm_kwargs, tokenization_kwargs
    ) -> bool:
        return False

    def _get_mm_fields_config(self, hf_inputs, hf_processor_mm_kwargs):
        return {}
