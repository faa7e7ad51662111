from collections.abc import Mapping, Sequence

from torch import nn
from transformers import BatchFeature
from vllm.config.multimodal import MultiModalDummyOptions
from vllm.inputs import MultiModalDataDict
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import embed_multimodal
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.inputs import MultiModalFieldConfig, MultiModalKwargsItems
from vllm.multimodal.parse import ImageProcessorItems, MultiModalDataItems
from vllm.multimodal.processing import (
    BaseDummyInputsBuilder,
    BaseMultiModalProcessor,
    BaseProcessingInfo,
    PromptReplacement,
    PromptUpdate,
)


class FinchProcessingInfo(BaseProcessingInfo):
    def get_supported_mm_limits(self) -> Mapping[str, int | None]:
        return {"image": None}

    def get_image_token_id(self) -> int:
        return self.get_hf_config().image_token_index

    def get_num_image_tokens(self, *, image_width: int, image_height: int) -> int:
        return self.get_hf_processor()._get_num_multimodal_tokens(
            image_sizes=[(image_height, image_width)]
        )["num_image_tokens"][0]


class FinchDummyInputsBuilder(BaseDummyInputsBuilder[FinchProcessingInfo]):
    def get_dummy_text(self, mm_counts: Mapping[str, int]) -> str:
        return self.info.get_hf_processor().image_token * mm_counts.get("image", 0)

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
    def _get_mm_fields_config(
        self,
        hf_inputs: BatchFeature,
        hf_processor_mm_kwargs: Mapping[str, object],
    ) -> Mapping[str, MultiModalFieldConfig]:
        return dict(
            pixel_values=MultiModalFieldConfig.batched("image"),
        )

    def _get_prompt_updates(
        self,
        mm_items: MultiModalDataItems,
        hf_processor_mm_kwargs: Mapping[str, object],
        out_mm_kwargs: MultiModalKwargsItems,
    ) -> Sequence[PromptUpdate]:
        image_token_id = self.info.get_image_token_id()

        def get_replacement(item_idx: int) -> list[int]:
            images = mm_items.get_items("image", ImageProcessorItems)
            size = images.get_image_size(item_idx)
            num_tokens = self.info.get_num_image_tokens(
                image_width=size.width, image_height=size.height
            )

            return [image_token_id] * num_tokens

        return [
            PromptReplacement(
                modality="image",
                target=[image_token_id],
                replacement=get_replacement,
            ),
        ]


@MULTIMODAL_REGISTRY.register_processor(
    FinchMultiModalProcessor,
    info=FinchProcessingInfo,
    dummy_inputs=FinchDummyInputsBuilder,
)
class FinchForConditionalGeneration(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.config = vllm_config.model_config.hf_config

    def get_multimodal_embeddings(self, **kwargs):
        pixel_values = kwargs.pop("pixel_values", None)
        return None if pixel_values is None else self.encoder(pixel_values)

    def get_input_embeddings(self, input_ids, multimodal_embeddings=None):
        if multimodal_embeddings is None:
            return self.language_model.get_input_embeddings(input_ids)
        return embed_multimodal(
            input_ids,
            self.config.image_token_index,
            self.language_model.get_input_embeddings,
            multimodal_embeddings,
        )
