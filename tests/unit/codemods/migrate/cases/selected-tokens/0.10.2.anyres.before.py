from vllm.model_executor.models.llava import BaseLlavaProcessingInfo


class FinchProcessingInfo(BaseLlavaProcessingInfo):
    def get_num_image_tokens(self, *, image_width: int, image_height: int) -> int:
        encoder = self.get_vision_encoder_info()
        base = self._apply_feature_select_strategy(
            self.get_hf_config().vision_feature_select_strategy,
            encoder.get_num_image_tokens(image_width=image_width, image_height=image_height),
        )
        return base + self._apply_feature_select_strategy("full", encoder_num_image_tokens=4)


class OwnProcessingInfo(BaseLlavaProcessingInfo):
    def get_num_image_tokens(self, *, image_width: int, image_height: int) -> int:
        return self._apply_feature_select_strategy("full", 4)

    def _apply_feature_select_strategy(self, strategy: str, encoder_num_image_tokens: int) -> int:
        return encoder_num_image_tokens
