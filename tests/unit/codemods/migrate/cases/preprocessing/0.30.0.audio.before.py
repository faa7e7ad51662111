from collections.abc import Mapping

from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def _preprocess_hf_mm_data(
        self,
        mm_data: Mapping[str, object],
        hf_processor_mm_kwargs: Mapping[str, object],
    ) -> tuple[Mapping[str, object], Mapping[str, object]]:
        mm_data, kwargs = super()._preprocess_hf_mm_data(mm_data, hf_processor_mm_kwargs)
        return mm_data, dict(**kwargs, many=len(mm_data["audios"]))
