from torch import nn
from transformers import CLIPVisionConfig
from vllm.model_executor.models.clip import CLIPVisionModel
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.siglip import SiglipVisionModel
from vllm.model_executor.models.utils import WeightsMapper


def init_tower(config):
    if isinstance(config, CLIPVisionConfig):
        return CLIPVisionModel(config)
    return SiglipVisionModel(config)


class Finch(nn.Module, SupportsMultiModal):
    hf_to_vllm_mapper = WeightsMapper(
        # Since 4.52.
        orig_to_new_prefix={
            "model.vision_tower.": "vision_tower.",
            "model.connector.": "connector.",
        }
    )

    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.vision_tower = init_tower(vllm_config.model_config.hf_config.vision_config)
        self.connector = nn.Linear(8, 8)


class Wren(nn.Module, SupportsMultiModal):
    hf_to_vllm_mapper = WeightsMapper(orig_to_new_prefix={"model.tower.": "tower."})

    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.tower = SiglipVisionModel(vllm_config.model_config.hf_config.vision_config)


class Tit(nn.Module, SupportsMultiModal):
    hf_to_vllm_mapper = WeightsMapper(orig_to_new_prefix={
        "model.tower.": "tower.",
    }, )

    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.tower = SiglipVisionModel(vllm_config.model_config.hf_config.vision_config)
