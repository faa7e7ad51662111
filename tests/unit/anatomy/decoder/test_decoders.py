from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmport.anatomy.classes import find_class
from mmport.anatomy.decoder.decoders import Outline, outline
from mmport.anatomy.decoder.settled import ConfigView
from mmport.core.source_tree import SourceTree

DECODER = """
def rotate_half(x):
    {rotate}

def apply_rotary_pos_emb(q, k, cos, sin):
    return rotate_half(q), rotate_half(k)

class Norm(nn.Module):
    def __init__(self, size, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x):
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True))
        return {norm}

class Attention(nn.Module):
    def __init__(self, config, layer_idx=None):
        super().__init__()
        self.head_dim = config.hidden_size // config.heads
        self.scaling = self.head_dim ** -0.5
        self.q_proj = nn.Linear(config.hidden_size, config.hidden_size, bias={bias})
        self.k_proj = nn.Linear(config.hidden_size, config.hidden_size, bias={bias})
        self.rotary_fn = apply_rotary_pos_emb
        self.dropout = nn.Dropout(0.1)

    def forward(self, hidden_states, past=None, **kwargs):
        query = {query}
        key = self.k_proj(hidden_states)
        query, key = apply_rotary_pos_emb(query, key, kwargs["cos"], kwargs["sin"])
        if past is not None:
            key = key + past
        return attention_interface(self, query, key, key, scaling=self.scaling)

class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.up = nn.Linear(config.hidden_size, 4 * config.hidden_size, bias=False)
        self.act = ACT2FN[config.act]

    def forward(self, x):
        return self.act(self.up(x))

class Layer(nn.Module):
    def __init__(self, config, layer_idx):
        super().__init__()
        self.attention = Attention(config, layer_idx)
        self.mlp = MLP(config)
        self.norm = Norm(config.hidden_size)

    def forward(self, hidden_states):
        residual = hidden_states
        hidden_states = self.attention(self.norm(hidden_states))
        return residual + {scaled}

class Model(nn.Module):
    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab, config.hidden_size)
        {layers}
        self.norm = Norm(config.hidden_size)

    def forward(self, input_ids=None, inputs_embeds=None, position_ids=None):
        if inputs_embeds is None:
            inputs_embeds = self.embed_tokens(input_ids)
        positions = position_ids + 1
        for layer in self.layers:
            inputs_embeds = layer(inputs_embeds)
        return self.norm(inputs_embeds)
"""
AS_IT_IS = {
    "rotate": "return torch.cat((-x[..., x.shape[-1] // 2 :], x), dim=-1)",
    "norm": "self.weight * x",
    "bias": "config.bias",
    "query": "self.q_proj(hidden_states)",
    "scaled": "self.mlp(hidden_states)",
    "layers": "self.layers = nn.ModuleList([Layer(config, i) for i in range(config.layers)])",
}


def read(tmp_path: Path, config: dict[str, Any] | None = None, **changes: str) -> Outline:
    text = DECODER.format(**(AS_IT_IS | changes))
    found = find_class(SourceTree(tmp_path, {"m": text}), "m", "Model")
    assert found is not None
    values = {"hidden_size": 64, "heads": 4, "vocab": 99, "layers": 2, "bias": True, "act": "silu"}
    return outline(found, ConfigView(SimpleNamespace(**(values | (config or {})))))


def test_the_outline_of_a_decoder(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.parts == {
        "embed_tokens": {"embedding 64"},
        "layers.*.attention.q_proj": {"linear 64 to 64, bias True"},
        "layers.*.attention.k_proj": {"linear 64 to 64, bias True"},
        "layers.*.mlp.up": {"linear 64 to 256, bias False"},
        "layers.*.mlp.act": {"activation 'silu'"},
        "layers.*.norm": {"rms norm 64, weight"},
        "norm": {"rms norm 64, weight"},
    }
    assert found.steps == {
        "": {("embed_tokens", "each layer", "norm")},
        "layers.*": {("norm", "attention", "mlp", "+")},
        "layers.*.attention": {("k_proj", "q_proj", "rotary in halves", "attention(scaling=0.25)")},
        "layers.*.mlp": {("up", "act")},
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"rotate": "return torch.stack((-x[..., 1::2], x[..., ::2]), dim=-1)"},
        {"norm": "(1.0 + self.weight) * x"},
        {"bias": "False"},
        {"query": "self.q_proj(hidden_states) * 2"},
        {"query": "torch.tanh(self.q_proj(hidden_states))"},
        {"scaled": "self.mlp(hidden_states) * 0.5"},
        {"scaled": "self.norm(self.mlp(hidden_states))"},
    ],
)
def test_what_computes_something_else_has_another_outline(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    assert read(tmp_path, None, **changes) != read(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"bias": "True"},
        {"query": "self.dropout(self.q_proj(hidden_states)).view(1, -1).transpose(0, 1)"},
        {
            "layers": "self.layers = nn.ModuleList()\n"
            "        for i in range(config.layers):\n"
            "            self.layers.append(Layer(config, i))"
        },
        {
            "layers": "made = Layer if config.bias else Other\n"
            "        self.layers = nn.ModuleList(made(config, i) for i in range(2))"
        },
    ],
)
def test_what_computes_the_same_has_the_same_outline(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    assert read(tmp_path, None, **changes) == read(tmp_path)


def test_what_only_a_layer_decides_has_all_the_ways(tmp_path: Path) -> None:
    layers = (
        "self.layers = nn.ModuleList([Layer(config, i) if i > 0 else MLP(config)"
        " for i in range(2)])"
    )
    found = read(tmp_path, layers=layers)
    assert found.parts["layers.*.act"] == {"activation 'silu'"}
    assert "layers.*.attention.q_proj" in found.parts
    assert len(found.steps["layers.*"]) == 2


def test_attributes_aside_are_no_part_of_it(tmp_path: Path) -> None:
    text = DECODER.format(**AS_IT_IS)
    found = find_class(SourceTree(tmp_path, {"m": text}), "m", "Model")
    assert found is not None
    view = ConfigView(SimpleNamespace(hidden_size=64, heads=4, act="silu"))
    assert "norm" not in outline(found, view, frozenset({"norm"})).parts
