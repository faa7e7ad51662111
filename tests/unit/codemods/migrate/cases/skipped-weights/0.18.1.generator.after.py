from torch import nn

from vllm.model_executor.models.utils import AutoWeightsLoader, WeightsMapper


class FinchForCausalLM(nn.Module):
    def load_weights(self, weights):
        skipped = WeightsMapper(orig_to_new_prefix=dict.fromkeys(["lm_head."]))
        loader = AutoWeightsLoader(self)
        return loader.load_weights(
            (
                self.renamed(name, weight)  # as it is here
                for name, weight in weights
            ),
            mapper=skipped,
        )


class WrenForCausalLM(nn.Module):
    def load_weights(self, weights):
        skipped = WeightsMapper(orig_to_new_prefix=dict.fromkeys(["lm_head."]))
        loader = AutoWeightsLoader(self)
        return loader.load_weights(
            ((name, weight) for name, weight in weights),
            mapper=skipped,
        )
