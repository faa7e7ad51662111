from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal


class Model(nn.Module, SupportsMultiModal):
    def _parse(self, pixel_values):
        return pixel_values  # one batch


class New(nn.Module, SupportsMultiModal):
    def _parse(self, pixel_values):
        return pixel_values
