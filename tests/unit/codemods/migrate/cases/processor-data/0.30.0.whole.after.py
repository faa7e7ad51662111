from vllm.multimodal.parse import MultiModalDataItems
from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def _processor_data(
        self, mm_items: MultiModalDataItems
    ) -> tuple[dict[str, object], dict[str, object]]:
        processor_data: dict[str, object] = {}
        passthrough_data: dict[str, object] = {}
        for items in mm_items.values():
            processor_data.update(items.get_processor_data())
            passthrough_data.update(items.get_passthrough_data())
        return processor_data, passthrough_data

    def _apply_hf_processor_main(self, mm_items, hf_processor_mm_kwargs):
        data, passthrough = self._processor_data(mm_items)
        return self.process(data) | passthrough
