from vllm.model_executor.models.llava import BaseLlavaProcessingInfo
from vllm.model_executor.models.vision import get_num_selected_vision_tokens


class FinchProcessingInfo(BaseLlavaProcessingInfo):
    def get_num_image_tokens(self, *, image_width: int, image_height: int) -> int:
        encoder = self.get_vision_encoder_info()
        base = get_num_selected_vision_tokens(
            strategy=self.get_hf_config().vision_feature_select_strategy,
            num_vision_tokens=encoder.get_num_image_tokens(image_width=image_width, image_height=image_height),
        )
        return base + get_num_selected_vision_tokens(strategy="full", num_vision_tokens=4)


class OwnProcessingInfo(BaseLlavaProcessingInfo):
    def get_num_image_tokens(self, *, image_width: int, image_height: int) -> int:
        return self._apply_feature_select_strategy("full", 4)

    def _apply_feature_select_strategy(self, strategy: str, encoder_num_image_tokens: int) -> int:
        return encoder_num_image_tokens
