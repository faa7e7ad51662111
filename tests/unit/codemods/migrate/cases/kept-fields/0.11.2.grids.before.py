from torch import nn

from vllm.model_executor.models.interfaces import SupportsMRoPE, SupportsMultiModal
from vllm.multimodal.inputs import MultiModalFeatureSpec, MultiModalFieldConfig


def fields(sizes):
    return dict(
        pixel_values=MultiModalFieldConfig.flat_from_sizes("image", sizes),
        image_grid_thw=MultiModalFieldConfig.batched("image"),
    )


class FinchForConditionalGeneration(nn.Module, SupportsMultiModal, SupportsMRoPE):
    def get_mrope_input_positions(self, input_tokens, mm_features):
        kwargs = MultiModalFeatureSpec.gather_kwargs(mm_features, {"image_grid_thw"})
        return kwargs.get("image_grid_thw", [])
