import torch
from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import flatten_bn


class Model(nn.Module, SupportsMultiModal):
    def _parse(self, pixel_values):
        return (pixel_values if isinstance(pixel_values, torch.Tensor) else flatten_bn(pixel_values, concat=True))  # one batch


class New(nn.Module, SupportsMultiModal):
    merge_by_field_config = True

    def _parse(self, pixel_values):
        return pixel_values
