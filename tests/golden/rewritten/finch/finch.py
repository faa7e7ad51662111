"""A text-only model of today's vLLM, as a user might have written one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

import regex as re
import torch
from torch import nn
from transformers import BatchFeature, LlamaConfig, LlavaConfig
from transformers.models.llava import LlavaProcessor

from vllm import ModelRegistry
from vllm.config import VllmConfig
from vllm.config.multimodal import MultiModalDummyOptions
from vllm.inputs import MultiModalDataDict
from vllm.model_executor.layers.activation import get_act_fn
from vllm.model_executor.layers.linear import ColumnParallelLinear, RowParallelLinear
from vllm.model_executor.layers.logits_processor import LogitsProcessor
from vllm.model_executor.layers.quantization import QuantizationConfig
from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead
from vllm.model_executor.models.clip import CLIPVisionModel
from vllm.sequence import IntermediateTensors
from vllm.utils.tensor_schema import TensorSchema, TensorShape

from vllm.model_executor.models.interfaces import (
    MultiModalEmbeddings,
    SupportsLoRA,
    SupportsMultiModal,
    SupportsPP,
)
from vllm.model_executor.models.llama import LlamaModel
from vllm.model_executor.models.module_mapping import MultiModelKeys
from vllm.model_executor.models.utils import (
    AutoWeightsLoader,
    WeightsMapper,
    get_layer_index,
    maybe_prefix,
)
from vllm.model_executor.models.vision import (
    VisionEncoderInfo,
    get_num_selected_vision_tokens,
    get_vision_encoder_info,
)
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.inputs import (
    MultiModalFieldConfig,
    MultiModalKwargsItem,
    MultiModalKwargsItems,
)
from vllm.multimodal.parse import (
    ImageEmbeddingItems,
    ImageProcessorItems,
    MultiModalDataItems,
)
from vllm.multimodal.processing import (
    BaseDummyInputsBuilder,
    BaseMultiModalProcessor,
    BaseProcessingInfo,
    PromptReplacement,
    PromptUpdate,
)


class FinchModel(LlamaModel):
    pass


class LlavaImagePixelInputs(TensorSchema):
    """
    Dimensions:
        - bn: Batch size * number of images
        - c: Number of channels
        - h: Height
        - w: Width
    """

    type: Literal["pixel_values"] = "pixel_values"
    pixel_values: Annotated[torch.Tensor, TensorShape("bn", "c", "h", "w")]


class LlavaImageEmbeddingInputs(TensorSchema):
    """
    Dimensions:
        - bn: Batch size * number of images
        - f: Number of features of an image
        - h: Hidden size of the language model
    """

    type: Literal["image_embeds"] = "image_embeds"
    image_embeds: Annotated[
        torch.Tensor | list[torch.Tensor],
        TensorShape("bn", "f", "h", dynamic_dims={"f"}),
    ]


LlavaImageInputs: TypeAlias = LlavaImagePixelInputs | LlavaImageEmbeddingInputs


def get_feature_layers(config: LlavaConfig) -> list[int]:
    layers = config.vision_feature_layer
    return [layers] if isinstance(layers, int) else list(layers)


class LlavaProcessingInfo(BaseProcessingInfo):
    def get_hf_config(self) -> LlavaConfig:
        return self.ctx.get_hf_config(LlavaConfig)

    def get_hf_processor(self, **kwargs: object) -> LlavaProcessor:
        return self.ctx.get_hf_processor(LlavaProcessor, **kwargs)

    def get_vision_encoder_info(self) -> VisionEncoderInfo:
        return get_vision_encoder_info(self.get_hf_config())

    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return {"image": None}

    def get_mm_max_tokens_per_item(
        self,
        seq_len: int,
        mm_counts: Mapping[str, int],
    ) -> Mapping[str, int]:
        image_size = self.get_vision_encoder_info().get_image_size()
        return {
            "image": self.get_num_image_tokens(
                image_width=image_size, image_height=image_size
            )
        }

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
        mm_options: MultiModalDummyOptions,
    ) -> MultiModalDataDict:
        image_size = self.info.get_vision_encoder_info().get_image_size()

        return {
            "image": self._get_dummy_images(
                width=image_size,
                height=image_size,
                num_images=mm_counts.get("image", 0),
                overrides=mm_options.get("image"),
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
        out_mm_kwargs: MultiModalKwargsItems,
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
                pixel_values = out_mm_kwargs["image"][item_idx]["pixel_values"].data
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


# The only model here; what is above it is its body.
@MULTIMODAL_REGISTRY.register_processor(
    LlavaMultiModalProcessor,
    info=LlavaProcessingInfo,
    dummy_inputs=LlavaDummyInputsBuilder,
)
class FinchForCausalLM(nn.Module, SupportsLoRA, SupportsMultiModal, SupportsPP):
    hf_to_vllm_mapper = LlamaModel.hf_to_vllm_mapper
    # Names of the whole model first, then those of its language model.
    hf_to_vllm_mapper = (
        WeightsMapper(
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
                # The decoder, since transformers 4.52.
                re.compile(r"^model\.language_model\."): "model.",
                # All of the language model, before and after.
                re.compile(r"^language_model\."): "",
            }
        )
        | hf_to_vllm_mapper
    )
    packed_modules_mapping = {
        "qkv_proj": ["q_proj", "k_proj", "v_proj"],
        "gate_up_proj": ["gate_proj", "up_proj"],
    }

    supports_tower_connector_lora = True

    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        if modality.startswith("image"):
            return "<image>"

        raise ValueError("Only image modality is supported")

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = ""):
        """Build a finch."""
        # The language model is built from the text config alone.
        vlm_vllm_config = vllm_config
        vllm_config = vlm_vllm_config.with_hf_config(
            vlm_vllm_config.model_config.hf_config.text_config
        )

        super().__init__()
        config: LlamaConfig = vllm_config.model_config.hf_config
        self.config = config

        # Most of the bird.
        with self._mark_language_model(vllm_config):
            self.model = FinchModel(
                vllm_config=vllm_config, prefix=maybe_prefix(prefix, "model")
            )
        self.lm_head = ParallelLMHead(
            config.vocab_size,
            config.hidden_size,
            quant_config=vllm_config.quant_config,
            prefix=maybe_prefix(prefix, "lm_head"),
        )
        self.logits_processor = LogitsProcessor(config.vocab_size)
        self.make_empty_intermediate_tensors = (
            self.model.make_empty_intermediate_tensors
        )

        self.vlm_config: LlavaConfig = vlm_vllm_config.model_config.hf_config

        self.configure_mm_token_handling(
            vocab_size=self.vlm_config.text_config.vocab_size,
            mm_token_ids=[self.vlm_config.image_token_index],
        )

        feature_layers = get_feature_layers(self.vlm_config)
        # The tower is built up to the deepest layer that is selected. If that is
        # the only one, its output is the feature, and no other state is kept.
        self.select_layers = feature_layers if len(feature_layers) > 1 else None

        with self._mark_tower_model(vlm_vllm_config, "image"):
            self.vision_tower = CLIPVisionModel(
                self.vlm_config.vision_config,
                quant_config=vlm_vllm_config.quant_config,
                num_hidden_layers_override=max(
                    get_layer_index(
                        layer, self.vlm_config.vision_config.num_hidden_layers
                    )
                    for layer in feature_layers
                ),
                require_post_norm=False,
                prefix=maybe_prefix(prefix, "vision_tower"),
            )
            self.multi_modal_projector = LlavaMultiModalProjector(
                self.vlm_config,
                quant_config=vlm_vllm_config.quant_config,
                prefix=maybe_prefix(prefix, "multi_modal_projector"),
            )

    def _parse_and_validate_image_input(
        self, **kwargs: object
    ) -> LlavaImageInputs | None:
        pixel_values = kwargs.pop("pixel_values", None)
        image_embeds = kwargs.pop("image_embeds", None)

        if pixel_values is not None:
            image_size = self.vlm_config.vision_config.image_size
            return LlavaImagePixelInputs(
                pixel_values=pixel_values,
                resolve_bindings={"h": image_size, "w": image_size},
            )

        if image_embeds is not None:
            return LlavaImageEmbeddingInputs(
                image_embeds=image_embeds,
                resolve_bindings={"h": self.vlm_config.text_config.hidden_size},
            )

        return None

    def _process_image_input(
        self, image_input: LlavaImageInputs
    ) -> MultiModalEmbeddings:
        if isinstance(image_input, LlavaImageEmbeddingInputs):
            return image_input["image_embeds"]

        image_features = self.vision_tower(
            image_input["pixel_values"],
            select_layers=self.select_layers,
            feature_select_strategy=self.vlm_config.vision_feature_select_strategy,
        )
        return self.multi_modal_projector(image_features)

    def embed_multimodal(self, **kwargs: object) -> MultiModalEmbeddings:
        image_input = self._parse_and_validate_image_input(**kwargs)
        if image_input is None:
            return []

        return self._process_image_input(image_input)

    def forward(
        self,
        input_ids: torch.Tensor | None,
        positions: torch.Tensor,
        intermediate_tensors: IntermediateTensors | None = None,
        inputs_embeds: torch.Tensor | None = None,  # in place of ids
        **kwargs: object,
    ) -> torch.Tensor | IntermediateTensors:
        return self.model(input_ids, positions, intermediate_tensors, inputs_embeds)

    def compute_logits(self, hidden_states: torch.Tensor) -> torch.Tensor | None:
        return self.logits_processor(self.lm_head, hidden_states)

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]]) -> set[str]:
        loader = AutoWeightsLoader(self)
        return loader.load_weights(weights, mapper=self.hf_to_vllm_mapper)

    def get_mm_mapping(self) -> MultiModelKeys:
        return MultiModelKeys.from_string_field(
            language_model="model",
            connector="multi_modal_projector",
            tower_model="vision_tower",
        )

    def get_mm_lora_token_counts(
        self,
        *,
        modality: str,
        mm_kwargs: MultiModalKwargsItem | None,
        num_mm_embeds: int,
    ) -> tuple[int, int | None]:
        # The tower also runs over the tokens that the selection drops.
        image_size = self.vlm_config.vision_config.image_size
        num_tower_tokens = get_vision_encoder_info(
            self.vlm_config
        ).get_num_image_tokens(image_width=image_size, image_height=image_size)
        num_images = num_mm_embeds // get_num_selected_vision_tokens(
            num_tower_tokens, self.vlm_config.vision_feature_select_strategy
        )
        return num_images * num_tower_tokens, num_mm_embeds


def register() -> None:
    """Register the model; an entry point of the group `vllm.general_plugins`."""
    ModelRegistry.register_model(
        "LlavaForConditionalGeneration", f"{__name__}:FinchForCausalLM"
    )
