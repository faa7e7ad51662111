# vLLM 0.11.0
from torch import nn
from vllm.config import VllmConfig


class MyModel(nn.Module):
    def forward(self, input_ids, positions, intermediate_tensors=None, inputs_embeds=None):
        return self.model(input_ids, positions)

    def compute_logits(self, hidden_states, sampling_metadata):  # <- compute_logits of MyModel wants 'sampling_metadata', which it is not given
        return self.logits_processor(self.lm_head, hidden_states, sampling_metadata)

    def load_weights(self, weights):
        return set()
