# SPDX-License-Identifier: Apache-2.0
#
# Register this class before vLLM reads the model, with this file's folder on
# sys.path:
#
#     from vllm import ModelRegistry
#
#     ModelRegistry.register_model(
#         "Qwen2VLForConditionalGeneration",
#         "qwen2_vl:Qwen2VLForConditionalGeneration",
#     )
#
# `vllm serve` runs in processes of its own, which only a plugin can reach:
# `mmport scaffold --layout plugin` writes one.

"""Qwen2VLForConditionalGeneration, its encoder as transformers has it."""

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import groupby, product
from typing import Any, NamedTuple

import numpy as np
import regex as re
import torch
import torch.nn as nn
from PIL import Image
from transformers import BatchFeature, PretrainedConfig, PreTrainedModel
from transformers.modeling_utils import no_init_weights
from transformers.models.qwen2_vl.modeling_qwen2_vl import (
    Qwen2VisionTransformerPretrainedModel,
    Qwen2VLModel,
)
from vllm.config import VllmConfig
from vllm.config.multimodal import BaseDummyOptions
from vllm.model_executor.layers.linear import ReplicatedLinear
from vllm.model_executor.layers.quantization import QuantizationConfig
from vllm.model_executor.models.interfaces import (
    MultiModalEmbeddings,
    SupportsLoRA,
    SupportsMRoPE,
    SupportsMultiModal,
    SupportsPP,
)
from vllm.model_executor.models.module_mapping import MultiModelKeys
from vllm.model_executor.models.utils import (
    AutoWeightsLoader,
    WeightsMapper,
    init_vllm_registered_model,
    maybe_prefix,
)
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.inputs import (
    MultiModalDataDict,
    MultiModalFeatureSpec,
    MultiModalFieldConfig,
    MultiModalKwargsItems,
)
from vllm.multimodal.parse import (
    DictEmbeddingItems,
    ImageProcessorItems,
    ImageSize,
    ModalityDataItems,
    MultiModalDataItems,
    MultiModalDataParser,
    VideoProcessorItems,
)
from vllm.multimodal.processing import (
    BaseMultiModalProcessor,
    BaseProcessingInfo,
    PromptReplacement,
    PromptUpdate,
    PromptUpdateDetails,
)
from vllm.multimodal.profiling import BaseDummyInputsBuilder
from vllm.sequence import IntermediateTensors


class VideoSize(NamedTuple):
    num_frames: int
    width: int
    height: int


def find_video_with_most_tokens(
    count_tokens: Callable[[VideoSize], int], *, max_tokens: int
) -> VideoSize:
    """Search how many frames of which size become the most tokens, up to `max_tokens`.

    Videos of more than 64 million pixels are left out.
    """

    @cache
    def count(size: VideoSize) -> int:
        num_frames, width, height = size
        if num_frames * width * height > 1 << 26:
            return 0
        try:
            num_tokens = count_tokens(size)
        except (ArithmeticError, ValueError):  # Too few or too small.
            return 0
        return num_tokens if num_tokens <= max_tokens else 0

    # The smallest frames of which most becomes, as there may be more of these.
    sides = (64, 128, 256, 512, 1024)
    sizes = product((2, 8), sides, (1, 2))
    best = max(
        (VideoSize(frames, side * ratio, side) for frames, side, ratio in sizes),
        key=count,
    )
    while count(longer := best._replace(num_frames=2 * best.num_frames)) > count(best):
        best = longer

    step = best.num_frames // 2
    while step:
        longer = best._replace(num_frames=best.num_frames + step)
        if count(longer) > count(best):
            best = longer
        step //= 2
    return best


def find_image_size_with_most_tokens(
    count_tokens: Callable[[ImageSize], int], *, max_tokens: int, thorough: bool
) -> ImageSize:
    """Search the size of image that becomes the most tokens, up to `max_tokens`.

    `thorough` asks for thousands of sizes, else it is a few dozen.
    """
    ratios = (
        [1.1**power for power in range(56)] if thorough else [1, 1.5, 2, 3, 4, 8, 16]
    )
    areas = [1.1**power for power in range(-8, 16)] if thorough else [1, 2]
    steps = (1.2, 1.1, 1.05, 1.02, 1.01) if thorough else (1.2, 1.1, 1.05, 1.02)
    num_peaks = 24 if thorough else 1

    @cache
    def count(size: ImageSize) -> int:
        if max(size) > 200 * min(size):  # HF processors refuse what is thinner.
            return 0
        try:
            num_tokens = count_tokens(size)
        except (ArithmeticError, ValueError):  # Too small for this processor.
            return 0
        return num_tokens if num_tokens <= max_tokens else 0

    def scaled(size: ImageSize, across: float, down: float) -> ImageSize:
        return ImageSize(
            width=max(1, round(size.width * across)),
            height=max(1, round(size.height * down)),
        )

    def climb(best: ImageSize) -> ImageSize:
        for step in steps:
            moves = list(product((1 / step, 1, step), repeat=2))
            while True:
                beside = max((scaled(best, *move) for move in moves), key=count)
                if count(beside) <= count(best):
                    break
                best = beside
        return best

    squares = [ImageSize(side, side) for side in (64, 128, 256, 512, 1024)]
    strips = [ImageSize(1024, 256), ImageSize(256, 1024), ImageSize(1024, 512)]
    if not thorough and len({count(size) for size in (*squares[2:], *strips)}) == 1:
        return squares[2]  # All images become equally many.

    # Larger ones, as long as more comes of them.
    while count(squares[-1]) > count(squares[-2]) and squares[-1].width < 4096:
        squares.append(scaled(squares[-1], 2, 2))

    # Other shapes of the best square's area are tried, and sizes beside the best:
    # what was rounded down to whole patches may go up there.
    square = max(squares, key=count)
    shapes = [
        scaled(square, times * math.sqrt(ratio), times / math.sqrt(ratio))
        for times in areas
        for side in ratios
        for ratio in (side, 1 / side)
    ]
    return max(map(climb, heapq.nlargest(num_peaks, shapes, key=count)), key=count)


# What the encoder takes of the HF processor's output.
IMAGE_FIELDS = ("pixel_values", "image_grid_thw")
VIDEO_FIELDS = ("pixel_values_videos", "video_grid_thw")


class Qwen2VLDataParser(MultiModalDataParser):
    """Takes features with what their positions are computed from."""

    def _get_video_with_metadata(self, video: Any) -> tuple[Any, Any]:
        # What is known of a video goes with its frames.
        frames, metadata = super()._get_video_with_metadata(video)
        return frames if metadata is None else (frames, metadata), metadata

    def _parse_image_data(self, data: Any) -> ModalityDataItems[Any, Any] | None:
        if self._is_empty(data):
            return None

        if self.is_embeddings(data) or isinstance(data, dict):
            return self._parse_features(data, "image", ["image_grid_thw"])

        return super()._parse_image_data(data)

    def _parse_video_data(self, data: Any) -> ModalityDataItems[Any, Any] | None:
        if self._is_empty(data):
            return None

        if self.is_embeddings(data) or isinstance(data, dict):
            return self._parse_features(data, "video", ["video_grid_thw"])

        return super()._parse_video_data(data)

    def _parse_features(
        self, data: Any, modality: str, fields: list[str]
    ) -> ModalityDataItems[Any, Any]:
        embeds = f"{modality}_embeds"
        if not isinstance(data, dict):
            data = {embeds: data}
        if missing := {embeds, *fields} - data.keys():
            names = ", ".join(sorted(missing))
            raise ValueError(
                f"Features of {modality} items come with {names}, as a dict"
            )

        features = data[embeds]
        if isinstance(features, torch.Tensor) and features.ndim == 2:
            features = [features]  # Those of one item.
        return DictEmbeddingItems(
            {embeds: features}
            | {name: torch.as_tensor(data[name]).split(1) for name in fields},
            modality=modality,
            required_fields={embeds, *fields},
            fields_factory=lambda data: {
                name: MultiModalFieldConfig.batched(modality) for name in data
            },
        )


class Qwen2VLProcessingInfo(BaseProcessingInfo):
    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return {"image": None, "video": None}

    def get_image_token(self) -> str:
        processor = self.get_hf_processor()
        return processor.image_token

    def get_image_token_id(self) -> int:
        config = self.get_hf_config()
        return config.image_token_id

    def get_video_token(self) -> str:
        processor = self.get_hf_processor()
        return processor.video_token

    def get_video_token_id(self) -> int:
        config = self.get_hf_config()
        return config.video_token_id

    def _call_hf_processor(
        self, data: Mapping[str, object], hf_kwargs: Mapping[str, object]
    ) -> tuple[BatchFeature, list[int]]:
        outputs = self.ctx.call_hf_processor(self.get_hf_processor(), data, hf_kwargs)
        return outputs, torch.as_tensor(outputs.pop("input_ids")).flatten().tolist()

    def _without_special_tokens(self, tokens: list[int]) -> list[int]:
        """Take away the tokenizer's own, which are around every text."""
        tokenizer = self.get_tokenizer()
        around = tokenizer.encode("")
        if around and tokens[0] == around[0]:
            tokens = tokens[1:]
        if around and around[-1] == tokenizer.eos_token_id == tokens[-1]:
            tokens = tokens[:-1]
        return tokens

    def process_image(
        self, image: object, hf_kwargs: Mapping[str, object]
    ) -> tuple[BatchFeature, list[int]]:
        """Process an image as transformers does, and tell what its token becomes."""
        data = dict(text=self.get_image_token(), images=[image])
        outputs, tokens = self._call_hf_processor(data, hf_kwargs)
        return outputs, self._without_special_tokens(tokens)

    def get_num_image_tokens(self, *, image_width: int, image_height: int) -> int:
        processor = self.get_hf_processor()
        counts = processor._get_num_multimodal_tokens(
            image_sizes=[(image_height, image_width)],
            **(self.ctx.model_config.get_multimodal_config().mm_processor_kwargs or {}),
        )
        return counts["num_image_tokens"][0]

    @cached_property
    def _image_size_with_most_features(self) -> ImageSize:
        return find_image_size_with_most_tokens(
            lambda size: self.get_num_image_tokens(
                image_width=size.width, image_height=size.height
            ),
            max_tokens=self.ctx.model_config.max_model_len,
            thorough=True,
        )

    def get_image_size_with_most_features(self) -> ImageSize:
        return self._image_size_with_most_features

    def get_max_image_tokens(self, seq_len: int) -> int:
        width, height = self.get_image_size_with_most_features()
        # Where nothing but the context bounds an image, that is its maximum.
        larger = self.get_num_image_tokens(
            image_width=2 * width, image_height=2 * height
        )
        if larger > seq_len:
            return seq_len

        _, tokens = self.process_image(Image.new("RGB", (width, height)), {})
        num_tokens = tokens.count(self.get_image_token_id())
        return min(num_tokens, seq_len)

    @cached_property
    def tokens_around_image(self) -> tuple[list[int], list[int]]:
        """What stands before and after the features of an image, whatever its size."""
        token_id = self.get_image_token_id()
        width, height = self.get_image_size_with_most_features()
        around = set()
        for size in ((width, height), (224, 224)):
            _, tokens = self.process_image(Image.new("RGB", size), {})
            start = tokens.index(token_id)
            end = len(tokens) - tokens[::-1].index(token_id)
            around.add((*tokens[:start], token_id, *tokens[end:]))
            if set(tokens[start:end]) != {token_id} or len(around) > 1:
                raise ValueError(
                    "The tokens of an image depend on its size, so its features cannot "
                    "be given without the image"
                )
        return tokens[:start], tokens[end:]

    def get_embedded_image_tokens(self, num_features: int) -> list[int]:
        """What the token becomes for an image whose features are given."""
        start, end = self.tokens_around_image
        return [*start, *[self.get_image_token_id()] * num_features, *end]

    def process_video(
        self, video: object, hf_kwargs: Mapping[str, object]
    ) -> tuple[BatchFeature, list[int]]:
        """Process a video as transformers does, and tell what its token becomes."""
        data = dict(text=self.get_video_token(), videos=[video])
        sample = False
        if isinstance(video, tuple):
            frames, metadata = video
            metadata = dict(metadata)
            # Who read the file may have left the choice of frames to the HF processor.
            sample = metadata.pop("do_sample_frames", False)
            data |= dict(videos=[frames], video_metadata=[metadata])
        hf_kwargs = {"do_sample_frames": sample, **hf_kwargs}
        outputs, tokens = self._call_hf_processor(data, hf_kwargs)
        return outputs, self._without_special_tokens(tokens)

    def get_black_video(self, size: VideoSize) -> np.ndarray:
        return np.zeros((size.num_frames, size.height, size.width, 3), dtype=np.uint8)

    def get_num_video_tokens(self, size: VideoSize) -> int:
        shape = (size.num_frames, 3, size.height, size.width)
        try:
            # On the meta device only shapes are computed.
            frames = torch.empty(shape, dtype=torch.uint8, device="meta")
            _, tokens = self.process_video(frames, {})
        except Exception:  # This processor looks at the pixels.
            _, tokens = self.process_video(self.get_black_video(size), {})
        return tokens.count(self.get_video_token_id())

    @cached_property
    def _video_with_most_tokens(self) -> VideoSize:
        return find_video_with_most_tokens(
            self.get_num_video_tokens,
            max_tokens=self.ctx.model_config.max_model_len,
        )

    def get_video_with_most_tokens(self) -> VideoSize:
        return self._video_with_most_tokens

    def get_max_video_tokens(self, seq_len: int) -> int:
        size = self.get_video_with_most_tokens()
        num_tokens = self.get_num_video_tokens(size)
        # Few sizes were tried, so there is room above the best of them.
        maximum = num_tokens + num_tokens // 4
        longer = size._replace(num_frames=2 * size.num_frames)
        # Where nothing but the context bounds a video, that is its maximum.
        if self.get_num_video_tokens(longer) > maximum:
            return seq_len

        return min(maximum, seq_len)

    @cached_property
    def tokens_around_video(self) -> tuple[list[int], list[int]]:
        """What stands before and after the features of a video, whatever its size."""
        token_id = self.get_video_token_id()
        video = self.get_video_with_most_tokens()
        around = set()
        for size in (video, video._replace(width=224, height=224)):
            _, tokens = self.process_video(self.get_black_video(size), {})
            start = tokens.index(token_id)
            end = len(tokens) - tokens[::-1].index(token_id)
            around.add((*tokens[:start], token_id, *tokens[end:]))
            if set(tokens[start:end]) != {token_id} or len(around) > 1:
                raise ValueError(
                    "The tokens of a video depend on its size, so its features cannot "
                    "be given without the video"
                )
        return tokens[:start], tokens[end:]

    def get_embedded_video_tokens(self, num_features: int) -> list[int]:
        """What the token becomes for a video whose features are given."""
        start, end = self.tokens_around_video
        return [*start, *[self.get_video_token_id()] * num_features, *end]

    def get_mm_max_tokens_per_item(
        self, seq_len: int, mm_counts: Mapping[str, int]
    ) -> Mapping[str, int] | None:
        return {
            "image": self.get_max_image_tokens(seq_len),
            "video": self.get_max_video_tokens(seq_len),
        }


class Qwen2VLDummyInputsBuilder(BaseDummyInputsBuilder[Qwen2VLProcessingInfo]):
    def get_dummy_text(self, mm_counts: Mapping[str, int]) -> str:
        return self.info.get_image_token() * mm_counts.get(
            "image", 0
        ) + self.info.get_video_token() * mm_counts.get("video", 0)

    def get_dummy_mm_data(
        self,
        seq_len: int,
        mm_counts: Mapping[str, int],
        mm_options: Mapping[str, BaseDummyOptions] | None = None,
    ) -> MultiModalDataDict:
        width, height = self.info.get_image_size_with_most_features()
        video = self.info.get_video_with_most_tokens()

        return {
            "image": self._get_dummy_images(
                width=width,
                height=height,
                num_images=mm_counts.get("image", 0),
                overrides=mm_options.get("image") if mm_options else None,
            ),
            "video": self._get_dummy_videos(
                width=video.width,
                height=video.height,
                num_frames=video.num_frames,
                num_videos=mm_counts.get("video", 0),
                overrides=mm_options.get("video") if mm_options else None,
            ),
        }


class Qwen2VLMultiModalProcessor(BaseMultiModalProcessor[Qwen2VLProcessingInfo]):
    def _get_data_parser(self) -> MultiModalDataParser:
        return Qwen2VLDataParser()

    def _call_hf_processor(
        self,
        prompt: str,
        mm_data: Mapping[str, object],
        mm_kwargs: Mapping[str, object],
        tok_kwargs: Mapping[str, object],
    ) -> BatchFeature:
        # The placeholders of the prompt stay as they are, for vLLM to expand.
        input_ids = self.info.get_tokenizer().encode(prompt, **tok_kwargs)
        outputs = self._process_items(mm_data, mm_kwargs)
        outputs["input_ids"] = torch.tensor([input_ids])
        return outputs

    def _hf_processor_applies_updates(self, *args: object, **kwargs: object) -> bool:
        return False

    def _process_items(
        self,
        hf_data: Mapping[str, Any],
        hf_kwargs: Mapping[str, object],
    ) -> BatchFeature:
        # Each item by itself: what becomes of it then depends on no other, and
        # the tokens of the expanded prompt are known to be its own.
        fields: dict[str, list[torch.Tensor]] = {}
        if "images" in hf_data:
            outputs = [
                self.info.process_image(image, hf_kwargs) for image in hf_data["images"]
            ]
            fields |= {
                name: [output.get(name, torch.empty(0)) for output, _ in outputs]
                for name in IMAGE_FIELDS
            }
            fields["image_tokens"] = [torch.tensor(tokens) for _, tokens in outputs]
        if "videos" in hf_data:
            outputs = [
                self.info.process_video(video, hf_kwargs) for video in hf_data["videos"]
            ]
            fields |= {
                name: [output.get(name, torch.empty(0)) for output, _ in outputs]
                for name in VIDEO_FIELDS
            }
            fields["video_tokens"] = [torch.tensor(tokens) for _, tokens in outputs]
        return BatchFeature(fields)

    def _get_mm_fields_config(
        self,
        hf_inputs: BatchFeature,
        hf_processor_mm_kwargs: Mapping[str, object],
    ) -> Mapping[str, MultiModalFieldConfig]:
        fields = {
            name: MultiModalFieldConfig.batched("image")
            for name in (*IMAGE_FIELDS, "image_tokens", "image_embeds")
        }
        fields |= {
            name: MultiModalFieldConfig.batched("video")
            for name in (*VIDEO_FIELDS, "video_tokens", "video_embeds")
        }
        return fields

    def _get_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
        out_mm_kwargs: MultiModalKwargsItems,
    ) -> Sequence[PromptUpdate]:
        image_token_id = self.info.get_image_token_id()

        def get_image_replacement(item_idx: int) -> PromptUpdateDetails:
            images = mm_items.get_items(
                "image", (DictEmbeddingItems, ImageProcessorItems)
            )
            if isinstance(images, DictEmbeddingItems):
                num_features = len(images.get(item_idx)["image_embeds"])
                tokens = self.info.get_embedded_image_tokens(num_features)
            else:
                tokens = out_mm_kwargs["image"][item_idx]["image_tokens"].data.tolist()

            return PromptUpdateDetails.select_token_id(tokens, image_token_id)

        video_token_id = self.info.get_video_token_id()

        def get_video_replacement(item_idx: int) -> PromptUpdateDetails:
            videos = mm_items.get_items(
                "video", (DictEmbeddingItems, VideoProcessorItems)
            )
            if isinstance(videos, DictEmbeddingItems):
                num_features = len(videos.get(item_idx)["video_embeds"])
                tokens = self.info.get_embedded_video_tokens(num_features)
            else:
                tokens = out_mm_kwargs["video"][item_idx]["video_tokens"].data.tolist()

            return PromptUpdateDetails.select_token_id(tokens, video_token_id)

        return [
            PromptReplacement(
                modality="image",
                target=self.info.get_tokenizer().encode(
                    self.info.get_image_token(), add_special_tokens=False
                ),
                replacement=get_image_replacement,
            ),
            PromptReplacement(
                modality="video",
                target=self.info.get_tokenizer().encode(
                    self.info.get_video_token(), add_special_tokens=False
                ),
                replacement=get_video_replacement,
            ),
        ]


@dataclass
class Qwen2VLWeightsMapper(WeightsMapper):
    """Maps names by regular expressions, each on what the one before made of them."""

    orig_to_new_regex: Mapping[re.Pattern, str | None] = field(default_factory=dict)

    def _map_name(self, key: str) -> str | None:
        for pattern, new_key in self.orig_to_new_regex.items():
            if pattern.search(key):
                if new_key is None:
                    return None

                key = pattern.sub(new_key, key)

        return super()._map_name(key)


class Qwen2VLLinear(ReplicatedLinear):
    """A linear layer of the encoder, on vLLM's kernels."""

    def __init__(
        self, linear: nn.Linear, quant_config: QuantizationConfig | None, prefix: str
    ) -> None:
        self.in_features = linear.in_features
        self.out_features = linear.out_features
        super().__init__(
            linear.in_features,
            linear.out_features,
            bias=linear.bias is not None,
            quant_config=quant_config,
            prefix=prefix,
            return_bias=False,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # The kernels want rows that lie together.
        return super().forward(x.contiguous())


def use_vllm_linears(
    module: nn.Module, quant_config: QuantizationConfig | None, prefix: str
) -> None:
    for name, child in module.named_children():
        child_prefix = f"{prefix}.{name}"
        # Not its subclasses: what has one reads its weights by itself.
        if type(child) is nn.Linear:
            setattr(module, name, Qwen2VLLinear(child, quant_config, child_prefix))
        else:
            use_vllm_linears(child, quant_config, child_prefix)


class Qwen2VLEncoder(Qwen2VLModel):
    """What comes before the language model in transformers, and nothing else of it."""

    def __init__(self, config: PretrainedConfig) -> None:
        PreTrainedModel.__init__(self, config)

        self.visual = Qwen2VisionTransformerPretrainedModel._from_config(
            config.vision_config
        )


@MULTIMODAL_REGISTRY.register_processor(
    Qwen2VLMultiModalProcessor,
    info=Qwen2VLProcessingInfo,
    dummy_inputs=Qwen2VLDummyInputsBuilder,
)
class Qwen2VLForConditionalGeneration(
    nn.Module,
    SupportsLoRA,
    SupportsMRoPE,
    SupportsMultiModal,
    SupportsPP,
):
    # Tensors come joined over requests, without a dimension for them.
    merge_by_field_config = True

    multimodal_cpu_fields = {"image_grid_thw", "video_grid_thw"}

    hf_to_vllm_mapper = Qwen2VLWeightsMapper(
        orig_to_new_regex={
            # The encoder and the connector are one module.
            re.compile(r"^(?:model\.)?visual(?=\.|$)"): r"encoder.visual",
            # The decoder, where it is all but the head.
            re.compile(r"^model\.(?!language_model\.)"): r"language_model.model.",
            # The decoder; vLLM's module has the head as well.
            re.compile(
                r"^(?:model\.)?language_model\.(?:model\.)*(?!lm_head\.)"
            ): r"language_model.model.",
            # The head, beside the decoder or at the top.
            re.compile(
                r"^(?:(?:model\.)?language_model\.)?lm_head\."
            ): r"language_model.lm_head.",
        }
    )

    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        if modality.startswith("image"):
            return "<|vision_start|><|image_pad|><|vision_end|>"

        if modality.startswith("video"):
            return "<|vision_start|><|video_pad|><|vision_end|>"

        raise ValueError("Only image and video modalities are supported")

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()

        config = vllm_config.model_config.hf_config
        text_config = config.get_text_config()
        self.config = config

        # Parts of transformers are made in the dtype that their config names.
        config.torch_dtype = vllm_config.model_config.dtype
        for name in config.sub_configs:
            if (part := getattr(config, name, None)) is not None:
                part.torch_dtype = config.torch_dtype

        with no_init_weights():
            self.encoder = Qwen2VLEncoder(config)
        use_vllm_linears(
            self.encoder,
            vllm_config.quant_config,
            prefix=maybe_prefix(prefix, "encoder"),
        )

        self.language_model = init_vllm_registered_model(
            vllm_config=vllm_config,
            hf_config=text_config,
            prefix=maybe_prefix(prefix, "language_model"),
            architectures=["Qwen2ForCausalLM"],
        )

        self.packed_modules_mapping = getattr(
            self.language_model, "packed_modules_mapping", {}
        )
        self.make_empty_intermediate_tensors = (
            self.language_model.make_empty_intermediate_tensors
        )

    def _encode_images(
        self, images: Sequence[Mapping[str, torch.Tensor]], num_tokens: Sequence[int]
    ) -> Sequence[torch.Tensor]:
        inputs = {
            name: torch.cat([image[name] for image in images]).to(self.encoder.device)
            for name in images[0]
        }
        features = self.encoder.get_image_features(**inputs)
        if not isinstance(features, torch.Tensor):
            features = torch.cat([one.flatten(end_dim=-2) for one in features])

        return features.flatten(end_dim=-2).split(num_tokens)

    def _embed_images(
        self, image_tokens: Sequence[torch.Tensor], **kwargs: Any
    ) -> MultiModalEmbeddings:
        # An empty tensor stands for a field that an image lacks.
        images = [
            {
                name: kwargs[name][index]
                for name in IMAGE_FIELDS
                if kwargs[name][index].shape != (0,)
            }
            for index in range(len(image_tokens))
        ]
        num_tokens = [
            int((tokens == self.config.image_token_id).sum()) for tokens in image_tokens
        ]

        # Images whose inputs have the same shapes are encoded together.
        def get_shapes(index: int) -> dict[str, torch.Size]:
            return {name: value.shape for name, value in images[index].items()}

        embeddings: list[torch.Tensor] = []
        for _, group in groupby(range(len(images)), key=get_shapes):
            indices = list(group)
            embeddings += self._encode_images(
                [images[index] for index in indices],
                [num_tokens[index] for index in indices],
            )

        return embeddings

    def _encode_videos(
        self, videos: Sequence[Mapping[str, torch.Tensor]], num_tokens: Sequence[int]
    ) -> Sequence[torch.Tensor]:
        inputs = {
            name: torch.cat([video[name] for video in videos]).to(self.encoder.device)
            for name in videos[0]
        }
        features = self.encoder.get_video_features(**inputs)
        if not isinstance(features, torch.Tensor):
            features = torch.cat([one.flatten(end_dim=-2) for one in features])

        return features.flatten(end_dim=-2).split(num_tokens)

    def _embed_videos(
        self, video_tokens: Sequence[torch.Tensor], **kwargs: Any
    ) -> MultiModalEmbeddings:
        # An empty tensor stands for a field that a video lacks.
        videos = [
            {
                name: kwargs[name][index]
                for name in VIDEO_FIELDS
                if kwargs[name][index].shape != (0,)
            }
            for index in range(len(video_tokens))
        ]
        num_tokens = [
            int((tokens == self.config.video_token_id).sum()) for tokens in video_tokens
        ]

        # Videos whose inputs have the same shapes are encoded together.
        def get_shapes(index: int) -> dict[str, torch.Size]:
            return {name: value.shape for name, value in videos[index].items()}

        embeddings: list[torch.Tensor] = []
        for _, group in groupby(range(len(videos)), key=get_shapes):
            indices = list(group)
            embeddings += self._encode_videos(
                [videos[index] for index in indices],
                [num_tokens[index] for index in indices],
            )

        return embeddings

    def get_language_model(self) -> nn.Module:
        return self.language_model

    def embed_input_ids(
        self,
        input_ids: torch.Tensor,
        multimodal_embeddings: MultiModalEmbeddings | None = None,
        *,
        is_multimodal: torch.Tensor | None = None,
        handle_oov_mm_token: bool = True,
    ) -> torch.Tensor:
        # Placeholders may have ids beyond the vocabulary.
        return super().embed_input_ids(
            input_ids,
            multimodal_embeddings,
            is_multimodal=is_multimodal,
            handle_oov_mm_token=handle_oov_mm_token,
        )

    def embed_multimodal(self, **kwargs: object) -> MultiModalEmbeddings:
        if kwargs.get("image_embeds") is not None:
            return kwargs["image_embeds"]

        if kwargs.get("image_tokens") is not None:
            return self._embed_images(**kwargs)

        if kwargs.get("video_embeds") is not None:
            return kwargs["video_embeds"]

        if kwargs.get("video_tokens") is not None:
            return self._embed_videos(**kwargs)

        return []

    def get_mrope_input_positions(
        self,
        input_tokens: list[int],
        mm_features: list[MultiModalFeatureSpec],
    ) -> tuple[torch.Tensor, int]:
        names = {
            "image_grid_thw",
            "video_grid_thw",
        }
        kwargs = MultiModalFeatureSpec.gather_kwargs(mm_features, names)
        positions, deltas = self.encoder.get_rope_index(
            torch.tensor([input_tokens]),
            attention_mask=torch.ones(1, len(input_tokens), dtype=torch.int),
            **{name: torch.cat(values) for name, values in kwargs.items() if values},
        )
        return positions[:, 0], int(deltas[0])

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

        return self.language_model(
            input_ids,
            positions,
            intermediate_tensors=intermediate_tensors,
            inputs_embeds=inputs_embeds,
        )

    def compute_logits(self, hidden_states: torch.Tensor) -> torch.Tensor | None:
        return self.language_model.compute_logits(hidden_states)

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]]) -> set[str]:
        loader = AutoWeightsLoader(self)
        return loader.load_weights(weights, mapper=self.hf_to_vllm_mapper)

    def get_mm_mapping(self) -> MultiModelKeys:
        return MultiModelKeys.from_string_field(
            language_model="language_model",
            tower_model="encoder",
        )
