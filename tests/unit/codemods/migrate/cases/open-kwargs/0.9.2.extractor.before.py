from typing import Optional

from vllm.multimodal.processing import BaseMultiModalProcessor, BaseProcessingInfo


class FinchProcessingInfo(BaseProcessingInfo):
    def get_hf_processor(self, *, sampling_rate: Optional[int] = None, **kwargs: object):
        return self.ctx.get_hf_processor(**kwargs)

    def get_feature_extractor(
        self,
        *,
        # Ignored in initialization
        sampling_rate: Optional[int] = None,
    ):
        return self.get_hf_processor(sampling_rate=sampling_rate).feature_extractor

    def get_tokens(self, length: int) -> int:
        return length // 2


class WrenProcessingInfo(BaseProcessingInfo):
    def get_hf_processor(self):
        return self.ctx.get_hf_processor()


class FinchMultiModalProcessor(BaseMultiModalProcessor[FinchProcessingInfo]):
    def _get_mm_fields_config(self, hf_inputs, hf_processor_mm_kwargs):
        extractor = self.info.get_feature_extractor(**hf_processor_mm_kwargs)
        return {extractor: self.info.get_tokens(length=4)}
