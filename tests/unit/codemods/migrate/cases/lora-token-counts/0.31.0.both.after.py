from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.multimodal.inputs import MultiModalKwargsItem


class Model(nn.Module, SupportsMultiModal):
    supports_tower_connector_lora = True

    def get_num_mm_encoder_tokens(self, num_image_tokens: int) -> int:
        return num_image_tokens * 4

    def get_num_mm_connector_tokens(self, num_vision_tokens: int) -> int:
        return num_vision_tokens // 4

    def get_mm_lora_token_counts(
        self,
        *,
        modality: str,
        mm_kwargs: "MultiModalKwargsItem | None",
        num_mm_embeds: int,
    ) -> tuple[int, int | None]:
        num_tower_tokens = self.get_num_mm_encoder_tokens(num_mm_embeds)
        return num_tower_tokens, self.get_num_mm_connector_tokens(num_tower_tokens)

    def get_mm_mapping(self):
        return None
