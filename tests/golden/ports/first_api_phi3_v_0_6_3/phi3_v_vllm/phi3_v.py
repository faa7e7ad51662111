# SPDX-License-Identifier: Apache-2.0
"""Phi3VForCausalLM of its repo, with a CLIP vision tower."""

import math
import re
from functools import lru_cache
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
import torch.nn as nn
from PIL import Image
from transformers import CLIPVisionConfig, PretrainedConfig
from vllm.attention import AttentionMetadata
from vllm.config import CacheConfig, MultiModalConfig
from vllm.inputs import INPUT_REGISTRY, DecoderOnlyInputs, InputContext, token_inputs
from vllm.model_executor.layers.quantization import QuantizationConfig
from vllm.model_executor.layers.sampler import SamplerOutput
from vllm.model_executor.models.clip import CLIPVisionModel
from vllm.model_executor.models.interfaces import SupportsMultiModal, SupportsPP
from vllm.model_executor.models.phi3 import Phi3ForCausalLM
from vllm.model_executor.models.utils import (
    AutoWeightsLoader,
    merge_multimodal_embeddings,
)
from vllm.model_executor.sampling_metadata import SamplingMetadata
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.image import cached_get_image_processor
from vllm.sequence import IntermediateTensors, SequenceData
from vllm.transformers_utils.tokenizer import get_tokenizer

# Names of weights, as transformers of any release save them, and the names here.
WEIGHT_NAMES = (
    (
        r"^model\.vision_embed_tokens\.img_processor\.(?:vision_model\.)?",
        "vision_tower.vision_model.",
    ),
    (r"^model\.vision_embed_tokens\.", "multi_modal_projector."),
    (r"^model\.", "language_model.model."),
    (r"^lm_head\.", "language_model.lm_head."),
)

# The repo's code builds its encoder with these; its config does not say them.
VISION_CONFIG = CLIPVisionConfig(
    hidden_act="quick_gelu",
    hidden_size=64,
    image_size=56,
    intermediate_size=96,
    num_attention_heads=4,
    num_hidden_layers=3,
    patch_size=14,
    projection_dim=32,
)
# <|image|> of the tokenizer, which no prompt has: `<|image_1|>` is plain text.
IMAGE_TOKEN_ID = 3
PLACEHOLDER = re.compile(r"<\|image_(\d+)\|>")

cached_get_tokenizer = lru_cache(maxsize=None)(get_tokenizer)


class Phi3VImagePixelInputs(TypedDict):
    type: Literal["pixel_values"]
    data: List[torch.Tensor]
    """Shape of each image's: `(1 + num_tiles, num_channels, height, width)`"""
    grids: List[Tuple[int, int]]
    """Rows and columns of each image's tiles"""


class Phi3VImageEmbeddingInputs(TypedDict):
    type: Literal["image_embeds"]
    data: List[torch.Tensor]
    """Shape of each image's: `(feature_size, hidden_size)`, of the language model"""


Phi3VImageInputs = Union[Phi3VImagePixelInputs, Phi3VImageEmbeddingInputs]


def flatten_images(images: object, num_dims: int) -> List[torch.Tensor]:
    """Give the tensor of each image, however requests were batched."""
    if isinstance(images, torch.Tensor) and images.dim() <= num_dims:
        return [images]
    return [tensor for item in images for tensor in flatten_images(item, num_dims)]


def get_prompt_token_ids(ctx: InputContext, inputs: DecoderOnlyInputs) -> List[int]:
    """Put the image token in the place of each numbered placeholder.

    The text between them is tokenized piece by piece, as the repo's processor does.
    """
    model_config = ctx.model_config
    tokenizer = cached_get_tokenizer(
        model_config.tokenizer, trust_remote_code=model_config.trust_remote_code
    )
    prompt = inputs.get("prompt")
    if prompt is None:
        prompt = tokenizer.decode(inputs["prompt_token_ids"])

    first, *rest = PLACEHOLDER.split(prompt)
    numbers, texts = rest[::2], rest[1::2]
    if [int(number) for number in numbers] != list(range(1, len(numbers) + 1)):
        raise ValueError("Image placeholders must be numbered from 1, in order")

    token_ids = list(tokenizer(first).input_ids)
    for text in texts:
        token_ids += [IMAGE_TOKEN_ID, *tokenizer(text).input_ids]
    return token_ids


def get_image_processor(ctx: InputContext) -> object:
    return cached_get_image_processor(
        ctx.model_config.model,
        trust_remote_code=ctx.model_config.trust_remote_code,
    )


def get_phi3_v_image_feature_size(ctx: InputContext, *, width: int, height: int) -> int:
    """Count an image's tokens, as the repo's processor does."""
    image_processor = get_image_processor(ctx)
    return image_processor.calc_num_image_tokens_from_image_size(width, height)


def get_phi3_v_largest_image(ctx: InputContext) -> Tuple[int, int]:
    """Give the width and height of an image that becomes the most tokens."""
    num_crops = get_image_processor(ctx).num_crops
    side = VISION_CONFIG.image_size
    return max(
        (
            (columns * side, rows * side)
            for columns in range(1, num_crops + 1)
            for rows in range(1, num_crops // columns + 1)
        ),
        key=lambda size: get_phi3_v_image_feature_size(
            ctx, width=size[0], height=size[1]
        ),
    )


def get_phi3_v_feature_sizes(ctx: InputContext, images: object) -> List[int]:
    """Count the placeholders of each image, or of the features in its place."""
    sizes = []
    for image in images if isinstance(images, list) else [images]:
        if isinstance(image, torch.Tensor):
            sizes += [len(features) for features in flatten_images(image, 2)]
        else:
            sizes.append(
                get_phi3_v_image_feature_size(
                    ctx, width=image.width, height=image.height
                )
            )
    return sizes


def get_max_phi3_v_image_tokens(ctx: InputContext) -> int:
    width, height = get_phi3_v_largest_image(ctx)
    return get_phi3_v_image_feature_size(ctx, width=width, height=height)


def dummy_data_for_phi3_v(
    ctx: InputContext,
    seq_len: int,
    mm_counts: Mapping[str, int],
    **mm_processor_kwargs: object,
) -> Tuple[SequenceData, Optional[dict]]:
    num_images = mm_counts["image"]
    feature_size = get_max_phi3_v_image_tokens(ctx)

    token_ids = [IMAGE_TOKEN_ID] * feature_size * num_images
    token_ids += [0] * (seq_len - len(token_ids))
    seq_data = SequenceData.from_seqs(token_ids)
    if num_images == 0:
        return seq_data, None

    image = Image.new("RGB", get_phi3_v_largest_image(ctx))
    return seq_data, {"image": [image] * num_images}


def input_processor_for_phi3_v(
    ctx: InputContext, inputs: DecoderOnlyInputs
) -> DecoderOnlyInputs:
    multi_modal_data = inputs.get("multi_modal_data")
    if multi_modal_data is None or "image" not in multi_modal_data:
        return inputs

    sizes = get_phi3_v_feature_sizes(ctx, multi_modal_data["image"])
    old_token_ids = get_prompt_token_ids(ctx, inputs)
    num_placeholders = old_token_ids.count(IMAGE_TOKEN_ID)
    if num_placeholders != len(sizes):
        raise ValueError(
            f"The prompt has {num_placeholders} placeholders for {len(sizes)} images"
        )

    remaining = iter(sizes)
    prompt_token_ids: List[int] = []
    for token_id in old_token_ids:
        size = 1
        if token_id == IMAGE_TOKEN_ID:
            size = next(remaining)
        prompt_token_ids += [token_id] * size

    return token_inputs(
        prompt_token_ids=prompt_token_ids,
        prompt=inputs.get("prompt"),
        multi_modal_data=multi_modal_data,
        mm_processor_kwargs=inputs.get("mm_processor_kwargs"),
    )


class Phi3VMultiModalProjector(nn.Module):
    """Lays an image's tiles out as rows that end in a separator, and projects them."""

    def __init__(self, config: PretrainedConfig) -> None:
        super().__init__()

        # Four patches that meet in a corner become the channels of one.
        num_channels = 4 * config.img_processor["image_dim_out"]
        self.glb_GN = nn.Parameter(torch.empty(1, 1, num_channels))
        self.sub_GN = nn.Parameter(torch.empty(1, 1, 1, num_channels))
        self.img_projection = nn.Sequential(
            nn.Linear(num_channels, config.hidden_size),
            nn.GELU(),
            nn.Linear(config.hidden_size, config.hidden_size),
        )

    def forward(self, tiles: torch.Tensor, grid: Tuple[int, int]) -> torch.Tensor:
        """Project the grid of an image's tiles, and then the whole, which is first."""
        rows, columns = grid
        # Images of fewer tiles may come padded to those of more.
        parts = self._get_rows(tiles[1 : 1 + rows * columns], rows, columns)
        whole = self._get_rows(tiles[:1], 1, 1)
        return self.img_projection(torch.cat([parts, self.glb_GN[0], whole]))

    def _get_rows(self, tiles: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
        half = math.isqrt(tiles.shape[1]) // 2
        tiles = tiles.view(rows, columns, half, 2, half, 2, tiles.shape[-1])
        grid = tiles.permute(0, 2, 1, 4, 3, 5, 6).reshape(
            rows * half, columns * half, -1
        )
        separators = self.sub_GN[0].expand(len(grid), 1, -1)
        return torch.cat([grid, separators], dim=1).flatten(0, 1)


def get_num_feature_layers(config: PretrainedConfig) -> int:
    """Count the layers of the tower up to the one whose output is taken."""
    layer = config.img_processor.get("layer_idx", -2)
    return layer if layer >= 0 else VISION_CONFIG.num_hidden_layers + layer + 1


@MULTIMODAL_REGISTRY.register_image_input_mapper()
@MULTIMODAL_REGISTRY.register_max_image_tokens(get_max_phi3_v_image_tokens)
@INPUT_REGISTRY.register_dummy_data(dummy_data_for_phi3_v)
@INPUT_REGISTRY.register_input_processor(input_processor_for_phi3_v)
class Phi3VForCausalLM(nn.Module, SupportsMultiModal, SupportsPP):
    def __init__(
        self,
        config: PretrainedConfig,
        multimodal_config: MultiModalConfig,
        cache_config: Optional[CacheConfig] = None,
        quant_config: Optional[QuantizationConfig] = None,
    ) -> None:
        super().__init__()

        self.config = config
        self.multimodal_config = multimodal_config

        # The tower is built up to the layer whose output is taken.
        self.vision_tower = CLIPVisionModel(
            VISION_CONFIG,
            quant_config=quant_config,
            num_hidden_layers_override=get_num_feature_layers(config),
        )
        # Features are taken before the norm that ends the tower.
        self.vision_tower.vision_model.post_layernorm = nn.Identity()
        self.multi_modal_projector = Phi3VMultiModalProjector(config)

        self.language_model = Phi3ForCausalLM(
            config, cache_config=cache_config, quant_config=quant_config
        )

        self.make_empty_intermediate_tensors = (
            self.language_model.make_empty_intermediate_tensors
        )

    @property
    def sampler(self) -> nn.Module:
        return self.language_model.sampler

    def _parse_and_validate_image_input(
        self, **kwargs: object
    ) -> Optional[Phi3VImageInputs]:
        pixel_values = kwargs.pop("pixel_values", None)
        image_embeds = kwargs.pop("image_embeds", None)

        if pixel_values is not None:
            side = VISION_CONFIG.image_size
            images = flatten_images(pixel_values, 4)
            if any(image.shape[1:] != (3, side, side) for image in images):
                raise ValueError(f"Tiles must be of 3 x {side} x {side}")
            sizes = flatten_images(kwargs.pop("image_sizes"), 1)
            return Phi3VImagePixelInputs(
                type="pixel_values",
                data=images,
                grids=[tuple((size // side).tolist()) for size in sizes],
            )

        if image_embeds is not None:
            features = flatten_images(image_embeds, 2)
            hidden_size = self.config.hidden_size
            if any(item.shape[-1] != hidden_size for item in features):
                raise ValueError(f"Image features must be {hidden_size} wide")
            return Phi3VImageEmbeddingInputs(type="image_embeds", data=features)

        return None

    def _process_image_input(self, image_input: Phi3VImageInputs) -> List[torch.Tensor]:
        if image_input["type"] == "image_embeds":
            return image_input["data"]

        images, grids = image_input["data"], image_input["grids"]
        features = self._get_image_features(torch.cat(images))
        return [
            self.multi_modal_projector(tiles, grid)
            for tiles, grid in zip(
                features.split([len(image) for image in images]), grids
            )
        ]

    def _get_image_features(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.vision_tower(pixel_values)[:, 1:]

    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        kv_caches: List[torch.Tensor],
        attn_metadata: AttentionMetadata,
        intermediate_tensors: Optional[IntermediateTensors] = None,
        **kwargs: object,
    ) -> Union[torch.Tensor, IntermediateTensors]:
        image_input = self._parse_and_validate_image_input(**kwargs)
        inputs_embeds = None
        if image_input is not None and intermediate_tensors is None:
            inputs_embeds = merge_multimodal_embeddings(
                input_ids,
                self.language_model.model.get_input_embeddings(input_ids),
                self._process_image_input(image_input),
                IMAGE_TOKEN_ID,
            )
            input_ids = None

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

    def load_weights(self, weights: Iterable[Tuple[str, torch.Tensor]]) -> None:
        loader = AutoWeightsLoader(self)
        loader.load_weights(rename_weights(weights))


def rename_weights(
    weights: Iterable[Tuple[str, torch.Tensor]],
) -> Iterator[Tuple[str, torch.Tensor]]:
    for name, loaded_weight in weights:
        for pattern, replacement in WEIGHT_NAMES:
            name = re.sub(pattern, replacement, name)
        if not name.startswith(
            ("multi_modal_projector.wte.", "vision_tower.vision_model.post_layernorm.")
        ):
            yield name, loaded_weight
