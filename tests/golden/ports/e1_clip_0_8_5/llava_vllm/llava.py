# SPDX-License-Identifier: Apache-2.0
"""LlavaForConditionalGeneration of transformers, with a CLIP vision tower."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypedDict

import regex as re
import torch
import torch.nn as nn
from transformers import BatchFeature, LlavaConfig
from transformers.models.llava import LlavaProcessor
from vllm.config import VllmConfig
from vllm.model_executor.layers.activation import get_act_fn
from vllm.model_executor.layers.linear import ColumnParallelLinear, RowParallelLinear
from vllm.model_executor.layers.quantization import QuantizationConfig
from vllm.model_executor.models.clip import CLIPVisionModel
from vllm.model_executor.models.interfaces import (
    MultiModalEmbeddings,
    SupportsLoRA,
    SupportsMultiModal,
    SupportsPP,
)
from vllm.model_executor.models.module_mapping import MultiModelKeys
from vllm.model_executor.models.utils import (
    AutoWeightsLoader,
    WeightsMapper,
    flatten_bn,
    init_vllm_registered_model,
    maybe_prefix,
    merge_multimodal_embeddings,
)
from vllm.model_executor.models.vision import (
    VisionEncoderInfo,
    get_vision_encoder_info,
)
from vllm.model_executor.sampling_metadata import SamplingMetadata
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.inputs import (
    MultiModalDataDict,
    MultiModalFieldConfig,
    MultiModalKwargs,
)
from vllm.multimodal.parse import (
    ImageEmbeddingItems,
    ImageProcessorItems,
    MultiModalDataItems,
)
from vllm.multimodal.processing import (
    BaseMultiModalProcessor,
    BaseProcessingInfo,
    PromptReplacement,
    PromptUpdate,
)
from vllm.multimodal.profiling import BaseDummyInputsBuilder
from vllm.sequence import IntermediateTensors


class LlavaImagePixelInputs(TypedDict):
    type: Literal["pixel_values"]
    pixel_values: torch.Tensor
    """Shape: `(batch_size * num_images, num_channels, height, width)`"""


class LlavaImageEmbeddingInputs(TypedDict):
    type: Literal["image_embeds"]
    image_embeds: torch.Tensor | list[torch.Tensor]
    """Shape: `(batch_size * num_images, num_features, hidden_size)`

    `hidden_size` is that of the language model.
    """


LlavaImageInputs: TypeAlias = LlavaImagePixelInputs | LlavaImageEmbeddingInputs


def get_feature_layers(config: LlavaConfig) -> list[int]:
    layers = config.vision_feature_layer
    return [layers] if isinstance(layers, int) else list(layers)


def get_layer_index(layer: int, num_hidden_layers: int) -> int:
    return num_hidden_layers + layer + 1 if layer < 0 else layer


def get_num_selected_vision_tokens(num_vision_tokens: int, strategy: str) -> int:
    # The class token comes first, where there is one.
    return num_vision_tokens - 1 if strategy == "default" else num_vision_tokens


@dataclass
class LlavaWeightsMapper(WeightsMapper):
    """Maps names by regular expressions, each on what the one before made of them."""

    orig_to_new_regex: Mapping[re.Pattern, str | None] = field(default_factory=dict)

    def _map_name(self, key: str) -> str | None:
        for pattern, new_key in self.orig_to_new_regex.items():
            if pattern.search(key):
                if new_key is None:
                    return None

                key = pattern.sub(new_key, key)

        return super()._map_name(key)


class LlavaProcessingInfo(BaseProcessingInfo):
    def get_hf_config(self) -> LlavaConfig:
        return self.ctx.get_hf_config(LlavaConfig)

    def get_hf_processor(self, **kwargs: object) -> LlavaProcessor:
        return self.ctx.get_hf_processor(LlavaProcessor, **kwargs)

    def get_vision_encoder_info(self) -> VisionEncoderInfo:
        return get_vision_encoder_info(self.get_hf_config())

    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return {"image": None}

    def get_num_image_tokens(self, *, image_width: int, image_height: int) -> int:
        return get_num_selected_vision_tokens(
            self.get_vision_encoder_info().get_num_image_tokens(
                image_width=image_width,
                image_height=image_height,
            ),
            self.get_hf_config().vision_feature_select_strategy,
        )


class LlavaDummyInputsBuilder(BaseDummyInputsBuilder[LlavaProcessingInfo]):
    def get_dummy_text(self, mm_counts: Mapping[str, int]) -> str:
        image_token = self.info.get_hf_processor().image_token
        return image_token * mm_counts.get("image", 0)

    def get_dummy_mm_data(
        self,
        seq_len: int,
        mm_counts: Mapping[str, int],
    ) -> MultiModalDataDict:
        image_size = self.info.get_vision_encoder_info().get_image_size()

        return {
            "image": self._get_dummy_images(
                width=image_size,
                height=image_size,
                num_images=mm_counts.get("image", 0),
            )
        }


class LlavaMultiModalProcessor(BaseMultiModalProcessor[LlavaProcessingInfo]):
    def _get_mm_fields_config(
        self,
        hf_inputs: BatchFeature,
        hf_processor_mm_kwargs: Mapping[str, object],
    ) -> Mapping[str, MultiModalFieldConfig]:
        return dict(
            pixel_values=MultiModalFieldConfig.batched("image"),
            image_embeds=MultiModalFieldConfig.batched("image"),
        )

    def _get_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
        out_mm_kwargs: MultiModalKwargs,
    ) -> Sequence[PromptUpdate]:
        image_token_id = self.info.get_hf_config().image_token_index

        def get_replacement(item_idx: int) -> list[int]:
            images = mm_items.get_items(
                "image", (ImageEmbeddingItems, ImageProcessorItems)
            )
            if isinstance(images, ImageEmbeddingItems):
                num_image_tokens = images.get_feature_size(item_idx)
            else:
                # The size after resizing and cropping, which the options of a
                # request (`mm_processor_kwargs`) may have changed.
                pixel_values = out_mm_kwargs["pixel_values"][item_idx]
                *_, height, width = pixel_values.shape
                num_image_tokens = self.info.get_num_image_tokens(
                    image_width=width,
                    image_height=height,
                )

            return [image_token_id] * num_image_tokens

        return [
            PromptReplacement(
                modality="image",
                target=[image_token_id],
                replacement=get_replacement,
            )
        ]


class LlavaMultiModalProjector(nn.Module):
    def __init__(
        self,
        config: LlavaConfig,
        quant_config: QuantizationConfig | None = None,
        prefix: str = "",
    ) -> None:
        super().__init__()

        # The features of all selected layers come concatenated.
        num_feature_layers = len(get_feature_layers(config))
        self.linear_1 = ColumnParallelLinear(
            config.vision_config.hidden_size * num_feature_layers,
            config.text_config.hidden_size,
            bias=config.multimodal_projector_bias,
            quant_config=quant_config,
            prefix=f"{prefix}.linear_1",
        )
        self.act = get_act_fn(config.projector_hidden_act)
        self.linear_2 = RowParallelLinear(
            config.text_config.hidden_size,
            config.text_config.hidden_size,
            bias=config.multimodal_projector_bias,
            quant_config=quant_config,
            prefix=f"{prefix}.linear_2",
        )

    def forward(self, image_features: torch.Tensor) -> torch.Tensor:
        hidden_states, _ = self.linear_1(image_features)
        hidden_states = self.act(hidden_states)
        hidden_states, _ = self.linear_2(hidden_states)
        return hidden_states


@MULTIMODAL_REGISTRY.register_processor(
    LlavaMultiModalProcessor,
    info=LlavaProcessingInfo,
    dummy_inputs=LlavaDummyInputsBuilder,
)
class LlavaForConditionalGeneration(
    nn.Module,
    SupportsLoRA,
    SupportsMultiModal,
    SupportsPP,
):
    # The tower's; the language model adds its own.
    packed_modules_mapping = {"qkv_proj": ["q_proj", "k_proj", "v_proj"]}

    hf_to_vllm_mapper = LlavaWeightsMapper(
        orig_to_new_regex={
            # Transformers 5 drops the `vision_model` level, 4.52 puts all below
            # `model`.
            re.compile(
                r"^(?:model\.)?vision_tower\.(?:vision_model\.)?"
            ): "vision_tower.vision_model.",
            # Transformers 4.52 puts the connector below `model`.
            re.compile(
                r"^(?:model\.)?multi_modal_projector\."
            ): "multi_modal_projector.",
            # The decoder alone since 4.52; vLLM's module has the head as well.
            re.compile(r"^model\.language_model\."): "language_model.model.",
            # The head is at the top since 4.52, and part of the language model in vLLM.
            re.compile(r"^lm_head\."): "language_model.lm_head.",
        }
    )

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()

        config: LlavaConfig = vllm_config.model_config.hf_config
        quant_config = vllm_config.quant_config
        self.config = config

        feature_layers = get_feature_layers(config)
        # The tower is built up to the deepest layer that is selected. If that is
        # the only one, its output is the feature, and no other state is kept.
        self.select_layers = feature_layers if len(feature_layers) > 1 else None

        self.vision_tower = CLIPVisionModel(
            config.vision_config,
            quant_config=quant_config,
            num_hidden_layers_override=max(
                get_layer_index(layer, config.vision_config.num_hidden_layers)
                for layer in feature_layers
            ),
            require_post_norm=False,
            prefix=maybe_prefix(prefix, "vision_tower"),
        )
        self.multi_modal_projector = LlavaMultiModalProjector(
            config,
            quant_config=quant_config,
            prefix=maybe_prefix(prefix, "multi_modal_projector"),
        )

        self.language_model = init_vllm_registered_model(
            vllm_config=vllm_config,
            hf_config=config.text_config,
            prefix=maybe_prefix(prefix, "language_model"),
        )

        # Fused layers are looked up by name, in one table for the whole model.
        tower_modules = self.packed_modules_mapping
        self.packed_modules_mapping = tower_modules | getattr(
            self.language_model, "packed_modules_mapping", {}
        )

        self.make_empty_intermediate_tensors = (
            self.language_model.make_empty_intermediate_tensors
        )

    def _parse_and_validate_image_input(
        self, **kwargs: object
    ) -> LlavaImageInputs | None:
        pixel_values = kwargs.pop("pixel_values", None)
        image_embeds = kwargs.pop("image_embeds", None)

        if pixel_values is not None:
            image_size = self.config.vision_config.image_size
            pixel_values = flatten_bn(pixel_values, concat=True)
            if pixel_values.shape[1:] != (3, image_size, image_size):
                raise ValueError(f"Images must be of 3 x {image_size} x {image_size}")

            return LlavaImagePixelInputs(type="pixel_values", pixel_values=pixel_values)

        if image_embeds is not None:
            image_embeds = flatten_bn(image_embeds)
            hidden_size = self.config.text_config.hidden_size
            if any(features.shape[-1] != hidden_size for features in image_embeds):
                raise ValueError(f"Image features must be {hidden_size} wide")

            return LlavaImageEmbeddingInputs(
                type="image_embeds", image_embeds=image_embeds
            )

        return None

    def _process_image_input(
        self, image_input: LlavaImageInputs
    ) -> MultiModalEmbeddings:
        if image_input["type"] == "image_embeds":
            return image_input["image_embeds"]

        image_features = self.vision_tower(
            image_input["pixel_values"],
            feature_sample_layers=self.select_layers,
        )
        if self.config.vision_feature_select_strategy == "default":
            image_features = image_features[:, 1:]

        return self.multi_modal_projector(image_features)

    def get_language_model(self) -> nn.Module:
        return self.language_model

    def get_multimodal_embeddings(
        self, **kwargs: object
    ) -> MultiModalEmbeddings | None:
        image_input = self._parse_and_validate_image_input(**kwargs)
        if image_input is None:
            return None

        return self._process_image_input(image_input)

    def get_input_embeddings(
        self,
        input_ids: torch.Tensor,
        multimodal_embeddings: MultiModalEmbeddings | None = None,
    ) -> torch.Tensor:
        # Placeholders may have ids beyond the vocabulary.
        inputs_embeds = self.language_model.get_input_embeddings(
            input_ids.clamp(max=self.config.text_config.vocab_size - 1)
        )
        if multimodal_embeddings is None or len(multimodal_embeddings) == 0:
            return inputs_embeds

        return merge_multimodal_embeddings(
            input_ids,
            inputs_embeds,
            multimodal_embeddings,
            self.config.image_token_index,
        )

    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        intermediate_tensors: IntermediateTensors | None = None,
        inputs_embeds: torch.Tensor | None = None,
        **kwargs: object,
    ) -> torch.Tensor | IntermediateTensors:
        if intermediate_tensors is not None:
            inputs_embeds = None
        elif inputs_embeds is None:
            # The V0 engine hands over ids and the tensors of the items.
            features = self.get_multimodal_embeddings(**kwargs)
            inputs_embeds = self.get_input_embeddings(input_ids, features)
            input_ids = None

        return self.language_model(
            input_ids,
            positions,
            intermediate_tensors,
            inputs_embeds=inputs_embeds,
        )

    def compute_logits(
        self,
        hidden_states: torch.Tensor,
        sampling_metadata: SamplingMetadata,
    ) -> torch.Tensor | None:
        return self.language_model.compute_logits(hidden_states, sampling_metadata)

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]]) -> set[str]:
        loader = AutoWeightsLoader(self)
        return loader.load_weights(weights, mapper=self.hf_to_vllm_mapper)

    def get_mm_mapping(self) -> MultiModelKeys:
        return MultiModelKeys.from_string_field(
            language_model="language_model",
            connector="multi_modal_projector",
            tower_model="vision_tower",
        )
