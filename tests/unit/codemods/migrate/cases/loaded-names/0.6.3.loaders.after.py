from torch import nn
from vllm.model_executor.models.utils import AutoWeightsLoader


class Finch(nn.Module):
    def load_weights(self, weights) -> set[str]:
        loader = AutoWeightsLoader(self)
        # All of them, at once.
        return loader.load_weights(weights)


class Siskin(nn.Module):
    def load_weights(self, weights) -> set[str]:
        loader = AutoWeightsLoader(self)
        names = loader.load_weights(weights)
        if "embed_tokens" not in names:
            self.embed_tokens = self.model.embed_tokens
        return names


class ByHand(nn.Module):
    def load_weights(self, weights):
        for name, weight in weights:
            self.parts[name].copy_(weight)
