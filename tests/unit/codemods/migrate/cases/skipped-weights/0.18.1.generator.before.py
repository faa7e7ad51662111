from torch import nn

from vllm.model_executor.models.utils import AutoWeightsLoader


class FinchForCausalLM(nn.Module):
    def load_weights(self, weights):
        loader = AutoWeightsLoader(self, skip_prefixes=["lm_head."])
        return loader.load_weights(
            self.renamed(name, weight)  # as it is here
            for name, weight in weights
        )


class WrenForCausalLM(nn.Module):
    def load_weights(self, weights):
        loader = AutoWeightsLoader(self, skip_prefixes=["lm_head."])
        return loader.load_weights((name, weight) for name, weight in weights)
