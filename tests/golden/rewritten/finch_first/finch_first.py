"""A text-only model of vLLM 0.6.3, as a user might have written one."""

import re
from typing import (
    Iterable,
    Iterator,
    List,
    Literal,
    Mapping,
    Optional,
    Tuple,
    TypedDict,
    Union,
)

import torch
from PIL import Image
from torch import nn
from transformers import LlamaConfig, LlavaConfig

from vllm import ModelRegistry
from vllm.attention import AttentionMetadata
from vllm.config import CacheConfig, LoRAConfig, MultiModalConfig
from vllm.inputs import INPUT_REGISTRY, DecoderOnlyInputs, InputContext, token_inputs
from vllm.model_executor.layers.activation import get_act_fn
from vllm.model_executor.layers.logits_processor import LogitsProcessor
from vllm.model_executor.layers.quantization import QuantizationConfig
from vllm.model_executor.layers.sampler import Sampler, SamplerOutput
from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead
from vllm.model_executor.model_loader.weight_utils import default_weight_loader
from vllm.model_executor.models.clip import CLIPVisionModel
from vllm.model_executor.sampling_metadata import SamplingMetadata
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.sequence import IntermediateTensors, SequenceData

from vllm.model_executor.models.interfaces import SupportsMultiModal, SupportsPP
from vllm.model_executor.models.llama import LlamaModel
from vllm.model_executor.models.utils import (
    AutoWeightsLoader,
    merge_multimodal_embeddings,
)


# Names of weights, as transformers of any release save them, and the names here.
WEIGHT_NAMES = (
    (r"^(?:model\.)?vision_tower\.(?:vision_model\.)?", "vision_tower.vision_model."),
    (r"^(?:model\.)?multi_modal_projector\.", "multi_modal_projector."),
    (r"^model\.language_model\.", "model."),
    (r"^language_model\.", ""),
)


class LlavaImagePixelInputs(TypedDict):
    type: Literal["pixel_values"]
    data: torch.Tensor
    """Shape: `(batch_size * num_images, num_channels, height, width)`"""


class LlavaImageEmbeddingInputs(TypedDict):
    type: Literal["image_embeds"]
    data: List[torch.Tensor]
    """Shape of each image's: `(feature_size, hidden_size)`, of the language model"""


LlavaImageInputs = Union[LlavaImagePixelInputs, LlavaImageEmbeddingInputs]


def flatten_images(images: object, num_dims: int) -> List[torch.Tensor]:
    """Give the tensor of each image, however requests were batched."""
    if isinstance(images, torch.Tensor) and images.dim() <= num_dims:
        return [images]
    return [tensor for item in images for tensor in flatten_images(item, num_dims)]


def get_llava_image_feature_size(hf_config: LlavaConfig) -> int:
    vision_config = hf_config.vision_config
    num_tokens = (vision_config.image_size // vision_config.patch_size) ** 2
    if hf_config.vision_feature_select_strategy == "full":
        num_tokens += 1  # the class token
    return num_tokens


def get_llava_feature_sizes(ctx: InputContext, images: object) -> List[int]:
    """Count the placeholders of each image, or of the features in its place."""
    hf_config = ctx.get_hf_config(LlavaConfig)
    sizes = []
    for image in images if isinstance(images, list) else [images]:
        if isinstance(image, torch.Tensor):
            sizes += [len(features) for features in flatten_images(image, 2)]
        else:
            sizes.append(get_llava_image_feature_size(hf_config))
    return sizes


def get_max_llava_image_tokens(ctx: InputContext) -> int:
    return get_llava_image_feature_size(ctx.get_hf_config(LlavaConfig))


def dummy_data_for_llava(
    ctx: InputContext,
    seq_len: int,
    mm_counts: Mapping[str, int],
    **mm_processor_kwargs: object,
) -> Tuple[SequenceData, Optional[dict]]:
    hf_config = ctx.get_hf_config(LlavaConfig)
    num_images = mm_counts["image"]
    feature_size = get_max_llava_image_tokens(ctx)

    token_ids = [hf_config.image_token_index] * feature_size * num_images
    token_ids += [0] * (seq_len - len(token_ids))
    seq_data = SequenceData.from_seqs(token_ids)
    if num_images == 0:
        return seq_data, None

    image_size = hf_config.vision_config.image_size
    image = Image.new("RGB", (image_size, image_size))
    return seq_data, {"image": [image] * num_images}


def input_processor_for_llava(
    ctx: InputContext, inputs: DecoderOnlyInputs
) -> DecoderOnlyInputs:
    multi_modal_data = inputs.get("multi_modal_data")
    if multi_modal_data is None or "image" not in multi_modal_data:
        return inputs

    hf_config = ctx.get_hf_config(LlavaConfig)
    sizes = get_llava_feature_sizes(ctx, multi_modal_data["image"])
    old_token_ids = inputs["prompt_token_ids"]
    num_placeholders = old_token_ids.count(hf_config.image_token_index)
    if num_placeholders != len(sizes):
        raise ValueError(
            f"The prompt has {num_placeholders} placeholders for {len(sizes)} images"
        )

    remaining = iter(sizes)
    prompt_token_ids: List[int] = []
    for token_id in old_token_ids:
        size = 1
        if token_id == hf_config.image_token_index:
            size = next(remaining)
        prompt_token_ids += [token_id] * size

    return token_inputs(
        prompt_token_ids=prompt_token_ids,
        prompt=inputs.get("prompt"),
        multi_modal_data=multi_modal_data,
        mm_processor_kwargs=inputs.get("mm_processor_kwargs"),
    )


class LlavaMultiModalProjector(nn.Module):
    def __init__(self, config: LlavaConfig) -> None:
        super().__init__()

        text_hidden_size = config.text_config.hidden_size
        # Configs say so since transformers 4.48; before, it always has one.
        bias = getattr(config, "multimodal_projector_bias", True)
        self.linear_1 = nn.Linear(
            config.vision_config.hidden_size, text_hidden_size, bias=bias
        )
        self.act = get_act_fn(config.projector_hidden_act)
        self.linear_2 = nn.Linear(text_hidden_size, text_hidden_size, bias=bias)

    def forward(self, image_features: torch.Tensor) -> torch.Tensor:
        hidden_states = self.linear_1(image_features)
        hidden_states = self.act(hidden_states)
        return self.linear_2(hidden_states)


def get_num_feature_layers(config: LlavaConfig) -> int:
    """Count the layers of the tower up to the one whose output is taken."""
    layer = config.vision_feature_layer
    return layer if layer >= 0 else config.vision_config.num_hidden_layers + layer + 1


def rename_weights(
    weights: Iterable[Tuple[str, torch.Tensor]],
) -> Iterator[Tuple[str, torch.Tensor]]:
    for name, loaded_weight in weights:
        for pattern, replacement in WEIGHT_NAMES:
            name = re.sub(pattern, replacement, name)
        if not name.startswith("vision_tower.vision_model.post_layernorm."):
            yield name, loaded_weight


@MULTIMODAL_REGISTRY.register_image_input_mapper()
@MULTIMODAL_REGISTRY.register_max_image_tokens(get_max_llava_image_tokens)
@INPUT_REGISTRY.register_dummy_data(dummy_data_for_llava)
@INPUT_REGISTRY.register_input_processor(input_processor_for_llava)
class FinchForCausalLM(nn.Module, SupportsMultiModal, SupportsPP):

    def __init__(
        self,
        config: LlamaConfig,
        multimodal_config: MultiModalConfig,
        cache_config: Optional[CacheConfig] = None,
        quant_config: Optional[QuantizationConfig] = None,
        lora_config: Optional[LoRAConfig] = None,
    ) -> None:
        # The language model is built from the text config alone.
        vlm_config = config
        config = vlm_config.text_config

        super().__init__()
        self.config = config
        self.body = LlamaModel(config, cache_config, quant_config)
        self.lm_head = ParallelLMHead(config.vocab_size, config.hidden_size)
        self.logits_processor = LogitsProcessor(config.vocab_size)
        self.sampler = Sampler()

        self.vlm_config = vlm_config
        self.multimodal_config = multimodal_config

        # The tower is built up to the layer whose output is taken.
        self.vision_tower = CLIPVisionModel(
            self.vlm_config.vision_config,
            quant_config=quant_config,
            num_hidden_layers_override=get_num_feature_layers(self.vlm_config),
        )
        # Features are taken before the norm that ends the tower.
        self.vision_tower.vision_model.post_layernorm = nn.Identity()
        self.multi_modal_projector = LlavaMultiModalProjector(self.vlm_config)

    def _parse_and_validate_image_input(
        self, **kwargs: object
    ) -> Optional[LlavaImageInputs]:
        pixel_values = kwargs.pop("pixel_values", None)
        image_embeds = kwargs.pop("image_embeds", None)

        if pixel_values is not None:
            images = flatten_images(pixel_values, 3)
            image_size = self.vlm_config.vision_config.image_size
            if any(image.shape != (3, image_size, image_size) for image in images):
                raise ValueError(f"Images must be of 3 x {image_size} x {image_size}")
            return LlavaImagePixelInputs(type="pixel_values", data=torch.stack(images))

        if image_embeds is not None:
            features = flatten_images(image_embeds, 2)
            hidden_size = self.vlm_config.text_config.hidden_size
            if any(item.shape[-1] != hidden_size for item in features):
                raise ValueError(f"Image features must be {hidden_size} wide")
            return LlavaImageEmbeddingInputs(type="image_embeds", data=features)

        return None

    def _process_image_input(self, image_input: LlavaImageInputs) -> List[torch.Tensor]:
        if image_input["type"] == "image_embeds":
            return image_input["data"]

        return list(self._get_image_features(image_input["data"]))

    def _get_image_features(self, pixel_values: torch.Tensor) -> torch.Tensor:
        image_features = self.vision_tower(pixel_values)
        if self.vlm_config.vision_feature_select_strategy == "default":
            image_features = image_features[:, 1:]
        return self.multi_modal_projector(image_features)

    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        kv_caches: List[torch.Tensor],
        attn_metadata: AttentionMetadata,
        intermediate_tensors: Optional[IntermediateTensors] = None,
        pixel_values: Optional[Union[torch.Tensor, List[torch.Tensor]]] = None,
        image_embeds: Optional[Union[torch.Tensor, List[torch.Tensor]]] = None,
        **kwargs: object,
    ) -> Union[torch.Tensor, IntermediateTensors]:
        image_input = self._parse_and_validate_image_input(
            pixel_values=pixel_values,
            image_embeds=image_embeds,
        )
        inputs_embeds = None
        if image_input is not None and intermediate_tensors is None:
            inputs_embeds = merge_multimodal_embeddings(
                input_ids,
                self.body.get_input_embeddings(input_ids),
                self._process_image_input(image_input),
                self.vlm_config.image_token_index,
            )
            input_ids = None

        # A finch thinks with its body.
        return self.body(input_ids, positions, kv_caches, attn_metadata,
                         intermediate_tensors, inputs_embeds=inputs_embeds)

    def compute_logits(
        self,
        hidden_states: torch.Tensor,
        sampling_metadata: SamplingMetadata,
    ) -> Optional[torch.Tensor]:
        return self.logits_processor(self.lm_head, hidden_states,
                                     sampling_metadata)

    def sample(
        self,
        logits: torch.Tensor,
        sampling_metadata: SamplingMetadata,
    ) -> Optional[SamplerOutput]:
        return self.sampler(logits, sampling_metadata)

    def load_weights(self, weights: Iterable[Tuple[str, torch.Tensor]]) -> None:

        def text_weights() -> Iterator[Tuple[str, torch.Tensor]]:
            for name, weight in rename_weights(weights):
                if name.partition(".")[0] in ("multi_modal_projector", "vision_tower"):
                    self._load_image_weights([(name, weight)])
                else:
                    yield name, weight

        self._load_text_weights(text_weights())

    def _load_image_weights(self, weights: Iterable[Tuple[str, torch.Tensor]]) -> None:
        loader = AutoWeightsLoader(self)
        loader.load_weights(rename_weights(weights))

    def _load_text_weights(self, weights: Iterable[Tuple[str, torch.Tensor]]):
        params = dict(self.named_parameters())
        for name, weight in weights:
            param = params[name]
            loader = getattr(param, "weight_loader", default_weight_loader)
            loader(param, weight)


def register() -> None:
    """Register the model; an entry point of the group `vllm.general_plugins`."""
    ModelRegistry.register_model(
        "LlavaForConditionalGeneration", f"{__name__}:FinchForCausalLM"
    )
