from torch import nn
from vllm.model_executor.models.llava import LlavaMultiModalProjector


class Finch(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.connector = LlavaMultiModalProjector(
            config.vision_config.hidden_size,
            config.text_config.hidden_size,
            config.projector_hidden_act,
            multimodal_projector_bias=True)
        self.other = LlavaMultiModalProjector(8, 8, "gelu", multimodal_projector_bias=True)
