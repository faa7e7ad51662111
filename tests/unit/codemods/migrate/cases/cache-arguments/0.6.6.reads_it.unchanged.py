from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal


class Finch(nn.Module, SupportsMultiModal):
    def forward(self, input_ids, positions, kv_caches, attn_metadata, **kwargs):
        if attn_metadata.num_prefills == 0:
            return None
        return self.model(input_ids, positions, kv_caches, attn_metadata)
