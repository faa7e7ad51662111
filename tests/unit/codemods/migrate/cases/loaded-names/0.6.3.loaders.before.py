from torch import nn
from vllm.model_executor.models.utils import AutoWeightsLoader


class Finch(nn.Module):
    def load_weights(self, weights):
        loader = AutoWeightsLoader(self)
        # All of them, at once.
        loader.load_weights(weights)


class Siskin(nn.Module):
    def load_weights(self, weights):
        loader = AutoWeightsLoader(self)
        names = loader.load_weights(weights)
        if "embed_tokens" not in names:
            self.embed_tokens = self.model.embed_tokens


class ByHand(nn.Module):
    def load_weights(self, weights):
        for name, weight in weights:
            self.parts[name].copy_(weight)
