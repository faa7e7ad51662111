from torch import nn


class Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config

    def compute_logits(self, hidden_states):
        return hidden_states


class Composite(nn.Module):
    def forward(self, input_ids):
        return input_ids


class WrenForCausalLM(nn.Module):
    def __init__(self, own: bool) -> None:
        super().__init__()
        if own:
            # vLLM's own
            pass

    def compute_logits(self, hidden_states):
        return hidden_states
