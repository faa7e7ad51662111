from collections.abc import Mapping

from vllm.multimodal.parse import MultiModalDataItems
from vllm.multimodal.processing import BaseMultiModalProcessor
from vllm.multimodal.processing.processor import HFMultiModalInputs


class Processor(BaseMultiModalProcessor):
    def _get_hf_mm_inputs(
        self,
        mm_items: MultiModalDataItems,
        hf_kwargs: Mapping[str, object],
    ) -> HFMultiModalInputs:
        hf_data, hf_kwargs, passthrough_data = super()._get_hf_mm_inputs(mm_items, hf_kwargs)
        if hf_data:
            hf_data, hf_kwargs = self._preprocess_hf_mm_data(hf_data, hf_kwargs)
        return HFMultiModalInputs(hf_data, hf_kwargs, passthrough_data)

    def _preprocess_hf_mm_data(
        self,
        mm_data: Mapping[str, object],
        hf_processor_mm_kwargs: Mapping[str, object],
    ) -> tuple[Mapping[str, object], Mapping[str, object]]:
        mm_data, kwargs = (mm_data, hf_processor_mm_kwargs)
        return mm_data, dict(**kwargs, many=len(mm_data["audio"]))
