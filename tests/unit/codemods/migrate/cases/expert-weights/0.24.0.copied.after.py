from torch import nn
from vllm.model_executor.models.interfaces import MixtureOfExperts, SupportsMultiModal


class Finch(nn.Module, SupportsMultiModal, MixtureOfExperts):
    def __init__(self, language_model):
        super().__init__()
        self.language_model = language_model
        self.num_moe_layers = self.language_model.num_moe_layers
        # What balances the experts.
        self.num_expert_groups = self.language_model.num_expert_groups
