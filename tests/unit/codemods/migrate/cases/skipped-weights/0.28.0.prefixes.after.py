from torch import nn
from vllm.model_executor.models.utils import AutoWeightsLoader, WeightsMapper


class Model(nn.Module):
    hf_to_vllm_mapper = WeightsMapper(orig_to_new_prefix={"model.": ""})

    def load_weights(self, weights):
        skipped = WeightsMapper(
            orig_to_new_prefix=dict.fromkeys(["lm_head."] if self.config.tie_word_embeddings else []),
        )
        loader = AutoWeightsLoader(
            self,
        )
        return loader.load_weights(weights, mapper=self.hf_to_vllm_mapper | skipped)


class Other(nn.Module):
    def load_weights(self, weights):
        # never loaded
        skip = ["action_embed"]
        skipped = WeightsMapper(
            orig_to_new_prefix=dict.fromkeys(skip),
            orig_to_new_substr=dict.fromkeys([".position_ids"]),
        )
        loader = AutoWeightsLoader(self)
        return loader.load_weights(weights, mapper=skipped)
