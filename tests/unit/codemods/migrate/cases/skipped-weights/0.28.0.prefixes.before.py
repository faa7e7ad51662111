from torch import nn
from vllm.model_executor.models.utils import AutoWeightsLoader, WeightsMapper


class Model(nn.Module):
    hf_to_vllm_mapper = WeightsMapper(orig_to_new_prefix={"model.": ""})

    def load_weights(self, weights):
        loader = AutoWeightsLoader(
            self,
            skip_prefixes=(["lm_head."] if self.config.tie_word_embeddings else None),
        )
        return loader.load_weights(weights, mapper=self.hf_to_vllm_mapper)


class Other(nn.Module):
    def load_weights(self, weights):
        # never loaded
        skip = ["action_embed"]
        loader = AutoWeightsLoader(self, skip_prefixes=skip, skip_substrs=[".position_ids"])
        return loader.load_weights(weights)
