from collections.abc import Mapping, Sequence

from torch import nn
from transformers import BatchFeature
from vllm.config.multimodal import MultiModalDummyOptions
from vllm.inputs import MultiModalDataDict
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import merge_multimodal_embeddings
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.inputs import MultiModalFieldConfig, MultiModalKwargsItems
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
    cached_encode,
)
from vllm.multimodal.processing.processor import ResolvedPromptUpdate

_IMAGE_TOKEN_ID = 32044


def count_features(config, *, input_width, input_height, num_crops=None):
    return input_width * input_height // 196


class FinchProcessingInfo(BaseProcessingInfo):
    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return {"image": None}

    def get_image_token_id(self) -> int:
        return _IMAGE_TOKEN_ID

    def get_num_image_tokens(self, *, image_width: int, image_height: int) -> int:
        return count_features(
            self.ctx.get_hf_image_processor_config(),
            input_width=image_width,
            input_height=image_height,
            num_crops=None,
        )


class FinchDummyInputsBuilder(BaseDummyInputsBuilder[FinchProcessingInfo]):
    def get_dummy_text(self, mm_counts: Mapping[str, int]) -> str:
        return "".join(
            f"<|image_{index + 1}|>"
            for index in range(mm_counts.get("image", 0))
        )

    def get_dummy_mm_data(
        self,
        seq_len: int,
        mm_counts: Mapping[str, int],
        mm_options: MultiModalDummyOptions,
    ) -> MultiModalDataDict:
        return {
            "image": self._get_dummy_images(
                width=self.info.get_hf_config().vision_config.image_size,
                height=self.info.get_hf_config().vision_config.image_size,
                num_images=mm_counts.get("image", 0),
                overrides=mm_options.get("image"),
            ),
        }


class FinchMultiModalProcessor(BaseMultiModalProcessor[FinchProcessingInfo]):
    def _get_hf_mm_text(self, mm_counts: Mapping[str, int]) -> str:
        return self.dummy_inputs.get_dummy_text(mm_counts)

    def _get_mm_fields_config(
        self,
        hf_inputs: BatchFeature,
        hf_processor_mm_kwargs: Mapping[str, object],
    ) -> Mapping[str, MultiModalFieldConfig]:
        return dict(
            pixel_values=MultiModalFieldConfig.batched("image"),
            image_embeds=MultiModalFieldConfig.batched("image"),
        )

    def get_image_target(self, item_idx: int) -> list[int]:
        text = f"<|image_{item_idx + 1}|>"
        tokenizer = self.info.get_tokenizer()
        return cached_encode(tokenizer, text, add_special_tokens=False)

    def _recompute_cached_prompt_update(
        self, cached_update: ResolvedPromptUpdate, new_item_idx: int
    ) -> ResolvedPromptUpdate:
        update = super()._recompute_cached_prompt_update(cached_update, new_item_idx)
        return update.with_target(self.get_image_target(new_item_idx))

    def _get_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
        out_mm_kwargs: MultiModalKwargsItems,
    ) -> Sequence[PromptUpdate]:
        image_token_id = self.info.get_image_token_id()

        def get_replacement(item_idx: int) -> list[int]:
            images = mm_items.get_items(
                "image", (ImageEmbeddingItems, ImageProcessorItems)
            )
            if isinstance(images, ImageEmbeddingItems):
                num_tokens = images.get_feature_size(item_idx)
            else:
                size = images.get_image_size(item_idx)
                num_tokens = self.info.get_num_image_tokens(
                    image_width=size.width, image_height=size.height
                )

            return [image_token_id] * num_tokens

        return [
            PromptReplacement(
                modality="image",
                target=self.get_image_target,
                replacement=get_replacement,
            ),
        ]


@MULTIMODAL_REGISTRY.register_processor(
    FinchMultiModalProcessor,
    info=FinchProcessingInfo,
    dummy_inputs=FinchDummyInputsBuilder,
)
class FinchForCausalLM(nn.Module, SupportsMultiModal):
    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        if modality.startswith("image"):
            return f"<|image_{i}|>"

        raise ValueError("Only image modality is supported")

    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.image_token_id = _IMAGE_TOKEN_ID

    def get_multimodal_embeddings(self, **kwargs):
        pixel_values = kwargs.pop("pixel_values", None)
        image_embeds = kwargs.pop("image_embeds", None)
        return image_embeds if pixel_values is None else self.encoder(pixel_values)

    def get_input_embeddings(self, input_ids, multimodal_embeddings=None):
        return merge_multimodal_embeddings(
            input_ids, self.embed_tokens(input_ids), multimodal_embeddings, self.image_token_id
        )
