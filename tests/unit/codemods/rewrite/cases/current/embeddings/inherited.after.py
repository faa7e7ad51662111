from vllm.model_executor.models.interfaces import (
    MultiModalEmbeddings,
    SupportsMultiModal,
)
from vllm.model_executor.models.llama import LlamaForCausalLM
from vllm.model_executor.models.module_mapping import MultiModelKeys
from vllm.model_executor.models.vision import (
    get_num_selected_vision_tokens,
    get_vision_encoder_info,
)
from vllm.multimodal.inputs import MultiModalKwargsItem


class Finch(LlamaForCausalLM):

    # The inherited one embeds text alone.
    embed_input_ids = SupportsMultiModal.embed_input_ids

    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        if modality.startswith("image"):
            return "<image>"

        raise ValueError("Only image modality is supported")

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

    def sing(self):
        return "tweet"

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
