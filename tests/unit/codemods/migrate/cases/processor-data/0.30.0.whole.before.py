from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def _apply_hf_processor_main(self, mm_items, hf_processor_mm_kwargs):
        data, passthrough = self._get_hf_mm_data(mm_items)
        return self.process(data) | passthrough
