import torch
import torch.nn as nn
from vllm.model_executor.models.interfaces import MultiModalEmbeddings
from vllm.model_executor.models.utils import _merge_multimodal_embeddings


class Finch(nn.Module):

    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        if modality.startswith("image"):
            return "<image>"

        raise ValueError("Only image modality is supported")

    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()

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

    def embed_text(self, input_ids: torch.Tensor) -> torch.Tensor:
        # Finches sing louder.
        return self.model.embed_input_ids(input_ids) * 2

    def embed_input_ids(
        self,
        input_ids: torch.Tensor,
        multimodal_embeddings: MultiModalEmbeddings | None = None,
        *,
        is_multimodal: torch.Tensor | None = None,
    ) -> torch.Tensor:
        inputs_embeds = self._embed_text_input_ids(
            input_ids, self.embed_text, is_multimodal=is_multimodal
        )
        if not multimodal_embeddings or is_multimodal is None:
            return inputs_embeds

        return _merge_multimodal_embeddings(
            inputs_embeds, multimodal_embeddings, is_multimodal
        )

    def forward(self, input_ids, positions, intermediate_tensors=None, inputs_embeds=None):
        return self.model(input_ids, positions, intermediate_tensors, inputs_embeds)
