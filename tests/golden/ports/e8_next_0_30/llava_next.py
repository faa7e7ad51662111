# SPDX-License-Identifier: Apache-2.0
#
# Register this class before vLLM reads the model, with this file's folder on
# sys.path:
#
#     from vllm import ModelRegistry
#
#     ModelRegistry.register_model(
#         "LlavaNextForConditionalGeneration",
#         "llava_next:LlavaNextForConditionalGeneration",
#     )
#
# `vllm serve` runs in processes of its own, which only a plugin can reach:
# `mmport scaffold --layout plugin` writes one.

"""LlavaNextForConditionalGeneration, its encoder as transformers has it."""

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, cached_property
from itertools import groupby, product
from typing import Any

import regex as re
import torch
import torch.nn as nn
from PIL import Image
from transformers import AutoModel, BatchFeature, PreTrainedConfig, PreTrainedModel
from transformers.initialization import no_init_weights
from transformers.models.llava_next.modeling_llava_next import (
    LlavaNextModel,
    LlavaNextMultiModalProjector,
)
from vllm.config import VllmConfig
from vllm.config.multimodal import BaseDummyOptions
from vllm.inputs import MultiModalDataDict
from vllm.model_executor.layers.linear import ReplicatedLinear
from vllm.model_executor.layers.quantization import QuantizationConfig
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
    init_vllm_registered_model,
    maybe_prefix,
)
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.inputs import (
    MultiModalFieldConfig,
    MultiModalKwargsItems,
)
from vllm.multimodal.parse import (
    ImageEmbeddingItems,
    ImageProcessorItems,
    ImageSize,
    MultiModalDataItems,
)
from vllm.multimodal.processing import (
    BaseDummyInputsBuilder,
    BaseMultiModalProcessor,
    BaseProcessingInfo,
    PromptReplacement,
    PromptUpdate,
    PromptUpdateDetails,
)
from vllm.sequence import IntermediateTensors


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
IMAGE_FIELDS = ("pixel_values", "image_sizes")


class LlavaNextProcessingInfo(BaseProcessingInfo):
    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return {"image": None}

    def get_image_token(self) -> str:
        processor = self.get_hf_processor()
        return processor.image_token

    def get_image_token_id(self) -> int:
        config = self.get_hf_config()
        return config.image_token_id

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
            **self.ctx.get_merged_mm_kwargs({}),
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

    def get_mm_max_tokens_per_item(
        self, seq_len: int, mm_counts: Mapping[str, int]
    ) -> Mapping[str, int] | None:
        return {"image": self.get_max_image_tokens(seq_len)}


class LlavaNextDummyInputsBuilder(BaseDummyInputsBuilder[LlavaNextProcessingInfo]):
    def get_dummy_text(self, mm_counts: Mapping[str, int]) -> str:
        return self.info.get_image_token() * mm_counts.get("image", 0)

    def get_dummy_mm_data(
        self,
        seq_len: int,
        mm_counts: Mapping[str, int],
        mm_options: Mapping[str, BaseDummyOptions],
    ) -> MultiModalDataDict:
        width, height = self.info.get_image_size_with_most_features()

        return {
            "image": self._get_dummy_images(
                width=width,
                height=height,
                num_images=mm_counts.get("image", 0),
                overrides=mm_options.get("image"),
            ),
        }


class LlavaNextMultiModalProcessor(BaseMultiModalProcessor[LlavaNextProcessingInfo]):
    def _apply_hf_processor_main(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
    ) -> BatchFeature:
        present = {kind for kind, count in mm_items.get_all_counts().items() if count}
        hf_data, passthrough_data = self._get_hf_mm_data(mm_items.select(present))
        outputs = self._process_items(hf_data, hf_processor_mm_kwargs)
        outputs.update(passthrough_data)
        return outputs

    def _process_items(
        self,
        hf_data: Mapping[str, Any],
        hf_kwargs: Mapping[str, object],
    ) -> BatchFeature:
        # Each image by itself: what becomes of it then depends on no other, and
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
        return BatchFeature(fields)

    def _get_mm_fields_config(
        self,
        hf_inputs: BatchFeature,
        hf_processor_mm_kwargs: Mapping[str, object],
    ) -> Mapping[str, MultiModalFieldConfig]:
        fields = {
            name: MultiModalFieldConfig.batched("image")
            for name in (*IMAGE_FIELDS, "image_embeds")
        }
        fields["image_tokens"] = MultiModalFieldConfig.batched(
            "image", keep_on_cpu=True
        )
        return fields

    def _get_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
        out_mm_kwargs: MultiModalKwargsItems,
    ) -> Sequence[PromptUpdate]:
        image_token_id = self.info.get_image_token_id()

        def get_replacement(item_idx: int) -> PromptUpdateDetails:
            images = mm_items.get_items(
                "image", (ImageEmbeddingItems, ImageProcessorItems)
            )
            if isinstance(images, ImageEmbeddingItems):
                num_features = images.get_feature_size(item_idx)
                tokens = self.info.get_embedded_image_tokens(num_features)
            else:
                tokens = out_mm_kwargs["image"][item_idx]["image_tokens"].data.tolist()

            return PromptUpdateDetails.select_token_id(tokens, image_token_id)

        return [
            PromptReplacement(
                modality="image",
                target=self.info.get_tokenizer().encode(
                    self.info.get_image_token(), add_special_tokens=False
                ),
                replacement=get_replacement,
            ),
        ]


class LlavaNextLinear(ReplicatedLinear):
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
            setattr(module, name, LlavaNextLinear(child, quant_config, child_prefix))
        else:
            use_vllm_linears(child, quant_config, child_prefix)


class LlavaNextEncoder(LlavaNextModel):
    """What comes before the language model in transformers, and nothing else of it."""

    def __init__(self, config: PreTrainedConfig) -> None:
        PreTrainedModel.__init__(self, config)

        self.vision_tower = AutoModel.from_config(config.vision_config)
        self.multi_modal_projector = LlavaNextMultiModalProjector(config)
        embed_std = 1 / math.sqrt(config.text_config.hidden_size)
        self.image_newline = nn.Parameter(
            torch.randn(config.text_config.hidden_size, dtype=self.dtype) * embed_std
        )


@MULTIMODAL_REGISTRY.register_processor(
    LlavaNextMultiModalProcessor,
    info=LlavaNextProcessingInfo,
    dummy_inputs=LlavaNextDummyInputsBuilder,
)
class LlavaNextForConditionalGeneration(
    nn.Module,
    SupportsLoRA,
    SupportsMultiModal,
    SupportsPP,
):
    hf_to_vllm_mapper = WeightsMapper(
        orig_to_new_regex={
            # The encoder and the connector are one module.
            re.compile(
                r"^(?:model\.)?(vision_tower|multi_modal_projector|image_newline)(?=\.|$)"
            ): r"encoder.\1",
            # As transformers renames it on loading.
            re.compile(
                r"^encoder\.vision_tower\.vision_model\."
            ): r"encoder.vision_tower.",
            # The decoder; vLLM's module has the head as well.
            re.compile(
                r"^(?:model\.)?language_model\.(?:model\.)*(?!lm_head\.)"
            ): r"language_model.model.",
            # The head, beside the decoder or at the top.
            re.compile(
                r"^(?:(?:model\.)?language_model\.)?lm_head\."
            ): r"language_model.lm_head.",
            # Older releases saved these; they are made anew.
            re.compile(r"^encoder\..*\.position_ids$"): None,
        }
    )

    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        if modality.startswith("image"):
            return "<image>"

        raise ValueError("Only image modality is supported")

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()

        config = vllm_config.model_config.hf_config
        text_config = config.get_text_config()
        self.config = config

        self.configure_mm_token_handling(
            vocab_size=text_config.vocab_size,
            mm_token_ids=[config.image_token_id],
        )

        # Parts of transformers are made in the dtype that their config names.
        config.dtype = vllm_config.model_config.dtype
        for name in config.sub_configs:
            if (part := getattr(config, name, None)) is not None:
                part.dtype = config.dtype

        with self._mark_tower_model(vllm_config, "image"):
            with no_init_weights():
                self.encoder = LlavaNextEncoder(config)
            use_vllm_linears(
                self.encoder,
                vllm_config.quant_config,
                prefix=maybe_prefix(prefix, "encoder"),
            )

        with self._mark_language_model(vllm_config):
            self.language_model = init_vllm_registered_model(
                vllm_config=vllm_config,
                hf_config=text_config,
                prefix=maybe_prefix(prefix, "language_model"),
                architectures=["LlamaForCausalLM"],
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
        features = self.encoder.get_image_features(**inputs).pooler_output
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

    def embed_multimodal(self, **kwargs: object) -> MultiModalEmbeddings:
        if kwargs.get("image_embeds") is not None:
            return kwargs["image_embeds"]

        if kwargs.get("image_tokens") is not None:
            return self._embed_images(**kwargs)

        return []

    def forward(
        self,
        input_ids: torch.Tensor | None,
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
