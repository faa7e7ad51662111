from torch import nn

from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.processing import BaseMultiModalProcessor, BaseProcessingInfo, PromptReplacement
from vllm.multimodal.profiling import BaseDummyInputsBuilder


class FinchProcessor(BaseMultiModalProcessor):
    def _get_prompt_updates(self, mm_items, hf_processor_mm_kwargs, out_mm_kwargs):
        return [
            PromptReplacement(modality="image", target="<image>", replacement=[1]),
            PromptReplacement(modality="audio", target=[7], replacement=[2]),
        ]


@MULTIMODAL_REGISTRY.register_processor(
    FinchProcessor, info=BaseProcessingInfo, dummy_inputs=BaseDummyInputsBuilder
)
class FinchForConditionalGeneration(nn.Module, SupportsMultiModal):
    packed = {}

    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        return {"image": "<image>"}.get(modality)

    def get_language_model(self) -> nn.Module:
        return self.language_model


@MULTIMODAL_REGISTRY.register_processor(
    FinchProcessor, info=BaseProcessingInfo, dummy_inputs=BaseDummyInputsBuilder
)
class WrenForConditionalGeneration(nn.Module, SupportsMultiModal):
    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        return "<wren>"
