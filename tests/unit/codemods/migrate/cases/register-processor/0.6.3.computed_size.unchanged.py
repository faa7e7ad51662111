from typing import Mapping

from torch import nn
from vllm.inputs import INPUT_REGISTRY, InputContext
from vllm.model_executor.models.clip import (
    dummy_image_for_clip,
    dummy_seq_data_for_clip,
    input_processor_for_clip,
)
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import merge_multimodal_embeddings
from vllm.multimodal import MULTIMODAL_REGISTRY

SCALE = 2


def largest(config):
    return max(config.grid)


def max_tokens(ctx: InputContext):
    return 576


def dummy_data(ctx: InputContext, seq_len: int, mm_counts: Mapping[str, int]):
    config = ctx.get_hf_config().vision_config
    width, height = largest(config)
    seq_data = dummy_seq_data_for_clip(config, seq_len, mm_counts["image"], image_token_id=32000)
    mm_data = dummy_image_for_clip(
        config,
        mm_counts["image"],
        image_width_override=width,
        image_height_override=height,
    )
    return seq_data, mm_data


def input_processor(ctx: InputContext, inputs):
    config = ctx.get_hf_config()
    return input_processor_for_clip(
        ctx.model_config,
        config.vision_config,
        inputs,
        image_token_id=config.image_token_index,
        image_feature_size_override=max_tokens(ctx),
    )


def scaled(features):
    return features * SCALE


# The model.
@MULTIMODAL_REGISTRY.register_image_input_mapper()
@MULTIMODAL_REGISTRY.register_max_image_tokens(max_tokens)
@INPUT_REGISTRY.register_dummy_data(dummy_data)
@INPUT_REGISTRY.register_input_processor(input_processor)
class FinchForConditionalGeneration(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.config = vllm_config.model_config.hf_config

    def get_multimodal_embeddings(self, **kwargs):
        pixel_values = kwargs.pop("pixel_values", None)
        return [] if pixel_values is None else scaled(self.encoder(pixel_values))

    def get_input_embeddings(self, input_ids, multimodal_embeddings=None):
        inputs_embeds = self.language_model.get_input_embeddings(input_ids)
        return merge_multimodal_embeddings(
            input_ids, inputs_embeds, multimodal_embeddings, self.config.image_token_index
        )
