from transformers.models.qwen2_audio.modeling_qwen2_audio import Qwen2AudioEncoder


class FinchEncoder(Qwen2AudioEncoder):
    def forward(self, hidden_states, mask):
        for layer in self.layers:
            layer_outputs = layer(hidden_states, mask)
            hidden_states = layer_outputs[0]  # no weights
        parts = self.split(hidden_states)
        return parts[0]
