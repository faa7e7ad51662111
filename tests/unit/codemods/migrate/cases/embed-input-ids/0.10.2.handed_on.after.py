from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import embed_multimodal


class Finch(nn.Module, SupportsMultiModal):
    def features(self, input_ids, features):
        dtype = self.vision_tower.get_input_embeddings().weight.dtype
        return embed_multimodal(
            input_ids,
            self.config.image_token_index,
            self.language_model.model.embed_input_ids,
            features.to(dtype),
        )
