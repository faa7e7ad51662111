import re

from torch import nn
from vllm.model_executor.models.clip import CLIPVisionModel
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.pixtral import PixtralHFVisionModel
from vllm.model_executor.models.utils import WeightsMapper


def init_tower(config):
    if config.model_type == "pixtral":
        return PixtralHFVisionModel(config)
    return CLIPVisionModel(config)


class OtherTower(nn.Module, SupportsMultiModal):
    hf_to_vllm_mapper = WeightsMapper(orig_to_new_prefix={"model.tower.": "tower."})

    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.tower = init_tower(vllm_config.model_config.hf_config.vision_config)


class OtherName(nn.Module, SupportsMultiModal):
    hf_to_vllm_mapper = WeightsMapper(orig_to_new_prefix={"model.vision_model.": "tower."})

    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.tower = CLIPVisionModel(vllm_config.model_config.hf_config.vision_config)


class Known(nn.Module, SupportsMultiModal):
    hf_to_vllm_mapper = WeightsMapper(
        orig_to_new_regex={re.compile("^old"): "new"},
        orig_to_new_prefix={"model.tower.": "tower."},
    )

    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.tower = CLIPVisionModel(vllm_config.model_config.hf_config.vision_config)


class NoMapper(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.tower = CLIPVisionModel(vllm_config.model_config.hf_config.vision_config)
