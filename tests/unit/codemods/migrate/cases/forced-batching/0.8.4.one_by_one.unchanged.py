from torch import nn
from transformers import BatchFeature
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import flatten_bn
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.processing import BaseMultiModalProcessor


class FinchProcessor(BaseMultiModalProcessor):
    def _call_hf_processor(self, hf_data, hf_kwargs):
        outputs = [self.info.process_image(image) for image in hf_data["images"]]
        return BatchFeature({"pixel_values": [one["pixel_values"] for one in outputs]})


@MULTIMODAL_REGISTRY.register_processor(FinchProcessor, info=None, dummy_inputs=None)
class Finch(nn.Module, SupportsMultiModal):
    def _parse(self, **kwargs):
        return flatten_bn(kwargs.pop("pixel_values"), concat=True)
