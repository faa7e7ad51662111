import torch.nn as nn
from vllm.model_executor.models.utils import AutoWeightsLoader


class Finch(nn.Module):
    def load_weights(self, weights):
        return AutoWeightsLoader(self).load_weights(weights)
