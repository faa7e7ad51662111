from typing import List, Literal, Mapping, Optional, Tuple, TypedDict, Union

import torch
import torch.nn as nn
from PIL import Image
from transformers import LlavaConfig
from vllm.inputs import INPUT_REGISTRY, DecoderOnlyInputs, InputContext, token_inputs
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.sequence import SequenceData


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


@MULTIMODAL_REGISTRY.register_image_input_mapper()
@MULTIMODAL_REGISTRY.register_max_image_tokens(get_max_llava_image_tokens)
@INPUT_REGISTRY.register_dummy_data(dummy_data_for_llava)
@INPUT_REGISTRY.register_input_processor(input_processor_for_llava)
@sings  # all day
class Finch(nn.Module):
    pass
