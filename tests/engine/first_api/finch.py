"""A model of vLLM's first multimodal API (0.6.3), as somebody may have kept one: our code."""

from typing import Iterable, List, Mapping, Optional, Tuple

import torch
from torch import nn
from vllm.attention import AttentionMetadata
from vllm.config import CacheConfig, MultiModalConfig
from vllm.inputs import INPUT_REGISTRY, DecoderOnlyInputs, InputContext
from vllm.model_executor.layers.activation import get_act_fn
from vllm.model_executor.layers.quantization import QuantizationConfig
from vllm.model_executor.layers.sampler import SamplerOutput
from vllm.model_executor.models.clip import (
    CLIPVisionModel,
    dummy_image_for_clip,
    dummy_seq_data_for_clip,
    get_max_clip_image_tokens,
    input_processor_for_clip,
)
from vllm.model_executor.models.interfaces import SupportsMultiModal, SupportsPP
from vllm.model_executor.models.utils import (
    AutoWeightsLoader,
    flatten_bn,
    init_vllm_registered_model,
    merge_multimodal_embeddings,
)
from vllm.model_executor.sampling_metadata import SamplingMetadata
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.sequence import IntermediateTensors


def count_features(ctx: InputContext) -> int:
    config = ctx.get_hf_config()
    return get_max_clip_image_tokens(config.vision_config) - 1


def dummy_data(ctx: InputContext, seq_len: int, mm_counts: Mapping[str, int]):
    config = ctx.get_hf_config()
    count = mm_counts["image"]
    seq_data = dummy_seq_data_for_clip(
        config.vision_config,
        seq_len,
        count,
        image_token_id=config.image_token_index,
        image_feature_size_override=count_features(ctx),
    )
    return seq_data, dummy_image_for_clip(config.vision_config, count)


def input_processor(ctx: InputContext, inputs: DecoderOnlyInputs):
    multi_modal_data = inputs.get("multi_modal_data")
    if multi_modal_data is None or "image" not in multi_modal_data:
        return inputs
    config = ctx.get_hf_config()
    return input_processor_for_clip(
        ctx.model_config,
        config.vision_config,
        inputs,
        image_token_id=config.image_token_index,
        image_feature_size_override=count_features(ctx),
    )


class FinchConnector(nn.Module):
    def __init__(self, width: int, hidden: int, act: str) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, hidden)
        self.act = get_act_fn(act)
        self.linear_2 = nn.Linear(hidden, hidden)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.linear_2(self.act(self.linear_1(features)))


# One image, a fixed number of features.
@MULTIMODAL_REGISTRY.register_image_input_mapper()
@MULTIMODAL_REGISTRY.register_max_image_tokens(count_features)
@INPUT_REGISTRY.register_dummy_data(dummy_data)
@INPUT_REGISTRY.register_input_processor(input_processor)
class FinchForConditionalGeneration(nn.Module, SupportsMultiModal, SupportsPP):
    def __init__(
        self,
        config,
        multimodal_config: MultiModalConfig,
        cache_config: Optional[CacheConfig] = None,
        quant_config: Optional[QuantizationConfig] = None,
    ) -> None:
        super().__init__()
        self.config = config
        # The features are those of an inner layer: no layer above it is needed.
        depth = config.vision_config.num_hidden_layers + config.vision_feature_layer + 1
        self.vision_tower = CLIPVisionModel(
            config.vision_config, num_hidden_layers_override=depth
        )
        self.multi_modal_projector = FinchConnector(
            config.vision_config.hidden_size,
            config.text_config.hidden_size,
            config.projector_hidden_act,
        )
        self.language_model = init_vllm_registered_model(
            config.text_config, cache_config, quant_config
        )
        self.make_empty_intermediate_tensors = (
            self.language_model.make_empty_intermediate_tensors
        )

    def _parse_image(self, **kwargs: object) -> Optional[dict]:
        pixel_values = kwargs.pop("pixel_values", None)
        image_embeds = kwargs.pop("image_embeds", None)
        if pixel_values is not None:
            return {"type": "pixel_values", "data": flatten_bn(pixel_values, concat=True)}
        if image_embeds is not None:
            return {"type": "image_embeds", "data": flatten_bn(image_embeds, concat=True)}
        return None

    def _encode(self, image: dict) -> torch.Tensor:
        if image["type"] == "image_embeds":
            return image["data"]
        patches = self.vision_tower(image["data"])[:, 1:]  # without the class token
        return self.multi_modal_projector(patches)

    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        kv_caches: List[torch.Tensor],
        attn_metadata: AttentionMetadata,
        intermediate_tensors: Optional[IntermediateTensors] = None,
        **kwargs: object,
    ):
        if intermediate_tensors is not None:
            input_ids = None
            inputs_embeds = None
        else:
            image = self._parse_image(**kwargs)
            if image is not None:
                features = self._encode(image)
                inputs_embeds = self.language_model.model.get_input_embeddings(input_ids)
                inputs_embeds = merge_multimodal_embeddings(
                    input_ids, inputs_embeds, features, self.config.image_token_index
                )
                input_ids = None
            else:
                inputs_embeds = None
        return self.language_model.model(
            input_ids,
            positions,
            kv_caches,
            attn_metadata,
            intermediate_tensors,
            inputs_embeds=inputs_embeds,
        )

    def compute_logits(
        self, hidden_states: torch.Tensor, sampling_metadata: SamplingMetadata
    ) -> Optional[torch.Tensor]:
        return self.language_model.compute_logits(hidden_states, sampling_metadata)

    def sample(
        self, logits: torch.Tensor, sampling_metadata: SamplingMetadata
    ) -> Optional[SamplerOutput]:
        return self.language_model.sample(logits, sampling_metadata)

    def load_weights(self, weights: Iterable[Tuple[str, torch.Tensor]]):
        loader = AutoWeightsLoader(self)
        loader.load_weights(weights)
