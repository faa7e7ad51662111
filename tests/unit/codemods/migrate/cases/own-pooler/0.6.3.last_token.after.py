from torch import nn
from vllm.model_executor.layers.pooler import Pooler, PoolingType
from vllm.model_executor.models.interfaces import SupportsMultiModal


class Finch(nn.Module, SupportsMultiModal):
    def __init__(self, config):
        super().__init__()
        self.config = config

    def compute_logits(self, hidden_states):
        return self.language_model.compute_logits(hidden_states)


class Embedder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self._pooler = Pooler(pooling_type=PoolingType.CLS, normalize=True)

    def pooler(self, hidden_states, pooling_metadata):
        return self._pooler(hidden_states, pooling_metadata)
