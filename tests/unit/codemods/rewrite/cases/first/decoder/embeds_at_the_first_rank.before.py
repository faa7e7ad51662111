import torch
import torch.nn as nn


class FinchModel(nn.Module):
    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        intermediate_tensors=None,
    ) -> torch.Tensor:
        if get_pp_group().is_first_rank:
            # Seeds first.
            hidden_states = self.embed_tokens(input_ids)
        else:
            hidden_states = intermediate_tensors["hidden_states"]
        return hidden_states


class Finch(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.model = FinchModel(config)

    def forward(self, input_ids, positions, intermediate_tensors=None):
        return self.model(input_ids, positions, intermediate_tensors)
