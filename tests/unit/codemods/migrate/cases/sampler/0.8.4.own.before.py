from torch import nn

from vllm.model_executor.layers.sampler import SamplerOutput, get_sampler


class Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.sampler = get_sampler()

    def compute_logits(self, hidden_states):
        return hidden_states

    def sample(self, logits, sampling_metadata) -> SamplerOutput | None:
        return self.sampler(logits, sampling_metadata)


class Composite(nn.Module):
    @property
    def sampler(self):
        return getattr(self.language_model, "sampler", None) or get_sampler()

    def forward(self, input_ids):
        return input_ids


class WrenForCausalLM(nn.Module):
    def __init__(self, own: bool) -> None:
        super().__init__()
        if own:
            # vLLM's own
            self.sampler = Sampler()

    def compute_logits(self, hidden_states):
        return hidden_states
