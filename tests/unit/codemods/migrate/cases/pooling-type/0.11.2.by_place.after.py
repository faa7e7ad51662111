from torch import nn

from vllm.model_executor.models.interfaces_base import default_pooling_type


@default_pooling_type(seq_pooling_type="CLS")
class Model(nn.Module):
    pass
