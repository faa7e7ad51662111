from typing import List, Optional

import torch
import torch.nn as nn


class Finch(nn.Module):
    def __init__(self, config):
        super().__init__()

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

    def sample(self, logits, sampling_metadata):
        return self.sampler(logits, sampling_metadata)
