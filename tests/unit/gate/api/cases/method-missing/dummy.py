# vLLM 0.32.0
from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.processing import (
    BaseDummyInputsBuilder,
    BaseMultiModalProcessor,
    BaseProcessingInfo,
)


class MyInfo(BaseProcessingInfo):
    def get_supported_mm_limits(self):
        return {"image": None}


class MyDummyInputs(BaseDummyInputsBuilder[MyInfo]):  # <- MyDummyInputs has no get_dummy_mm_data, which BaseDummyInputsBuilder demands
    def get_dummy_text(self, mm_counts):
        return "<image>" * mm_counts["image"]


class MyProcessor(BaseMultiModalProcessor[MyInfo]):
    def _get_mm_fields_config(self, hf_inputs, hf_processor_mm_kwargs):
        return {}

    def _get_prompt_updates(self, mm_items, hf_processor_mm_kwargs, out_mm_kwargs):
        return []


@MULTIMODAL_REGISTRY.register_processor(MyProcessor, info=MyInfo, dummy_inputs=MyDummyInputs)
class MyModel(nn.Module, SupportsMultiModal): ...
