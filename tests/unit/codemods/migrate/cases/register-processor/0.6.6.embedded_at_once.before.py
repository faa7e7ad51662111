from torch import nn
from vllm.inputs import INPUT_REGISTRY
from vllm.model_executor.models.clip import input_processor_for_clip
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import embed_multimodal
from vllm.multimodal import MULTIMODAL_REGISTRY


def input_processor(ctx, inputs):
    config = ctx.get_hf_config()
    return input_processor_for_clip(
        ctx.model_config,
        config.vision_config,
        inputs,
        image_token_id=config.image_token_index,
    )


@MULTIMODAL_REGISTRY.register_image_input_mapper()
@INPUT_REGISTRY.register_input_processor(input_processor)
class FinchForConditionalGeneration(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.config = vllm_config.model_config.hf_config

    def get_multimodal_embeddings(self, **kwargs):
        pixel_values = kwargs.pop("pixel_values", None)
        return None if pixel_values is None else self.encoder(pixel_values)

    def get_input_embeddings(self, input_ids, multimodal_embeddings=None):
        if multimodal_embeddings is None:
            return self.language_model.get_input_embeddings(input_ids)
        return embed_multimodal(
            input_ids,
            self.config.image_token_index,
            self.language_model.get_input_embeddings,
            multimodal_embeddings,
        )
