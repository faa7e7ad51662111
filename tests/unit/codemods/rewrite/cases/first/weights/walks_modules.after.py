import torch.nn as nn
from vllm.model_executor.models.utils import AutoWeightsLoader


class Finch(nn.Module):
    def load_weights(self, weights):
        loader = AutoWeightsLoader(
            self,
            skip_prefixes=(["lm_head."]
                           if self.config.tie_word_embeddings else None),
        )
        loader.load_weights(rename_weights(weights))
