from torch import nn
from transformers.models.qwen2_audio.modeling_qwen2_audio import Qwen2AudioEncoder
from transformers.models.whisper.modeling_whisper import WhisperEncoder


class FinchEncoder(Qwen2AudioEncoder):
    def forward(self, hidden_states, attention_mask):
        for layer in self.layers:
            # Qwen2AudioEncoderLayer wants a layer_head_mask.
            layer_outputs = layer(hidden_states, attention_mask, None)
            hidden_states = layer_outputs
        return hidden_states


class WrenEncoder(WhisperEncoder):
    def forward(self, hidden_states, attention_mask, masks):
        for place, layer in enumerate(self.layers):
            # All of them.
            hidden_states = layer(
                hidden_states,
                attention_mask,
                layer_head_mask=None,
            )
        for block in self.blocks:
            hidden_states = block(hidden_states, attention_mask, masks[0])
        return hidden_states


class OwnEncoder(nn.Module):
    def forward(self, hidden_states, attention_mask):
        for layer in self.layers:
            hidden_states = layer(hidden_states, attention_mask, None)
        return hidden_states
