from __future__ import annotations

from pathlib import Path

import pytest

from mmport.anatomy.classes import find_class
from mmport.anatomy.decoder.heads import decoder_attribute, head_arithmetic, leaves_head_to_part
from mmport.core.source_tree import SourceTree

MODEL = """
class Decoder(nn.Module):
    pass

class Base(nn.Module):
    def __init__(self, config):
        self.transformer = Decoder(config)
        self.head = nn.Linear(4, 8)

    def forward(self, hidden_states):
        {body}
        return logits

class Model(Base):
    pass
"""


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("logits = self.head(hidden_states)", ()),
        ("logits = self.head(hidden_states) * self.logit_scale", ("logit_scale",)),
        ("logits = self.head(hidden_states); logits /= self.config.scaling", ("scaling",)),
        (
            "cap = self.config.get_text_config().cap; logits = torch.tanh(hidden_states / cap)",
            ("cap",),
        ),
        (
            "logits = hidden_states / cap if (cap := self.config.cap) is not None else 1",
            ("cap",),
        ),
        ("kept = self.config.kept; logits = self.head(hidden_states)", ()),
    ],
)
def test_what_a_head_does_to_its_logits(tmp_path: Path, body: str, names: tuple[str]) -> None:
    tree = SourceTree(tmp_path, {"m": MODEL.format(body=body)})
    found = find_class(tree, "m", "Model")
    assert found is not None
    assert head_arithmetic(found) == names


def test_where_the_decoder_is_kept(tmp_path: Path) -> None:
    found = find_class(SourceTree(tmp_path, {"m": MODEL.format(body="pass")}), "m", "Model")
    assert found is not None
    assert decoder_attribute(found, "Decoder") == "transformer"
    assert decoder_attribute(found, "Encoder") is None


@pytest.mark.parametrize(
    ("forward", "leaves"),
    [
        ("return self.llm(inputs_embeds=x)", True),
        ("return super().forward(inputs_embeds=x)", True),
        ("outputs = self.llm(inputs_embeds=x); logits = outputs.logits", True),
        ("return self.lm_head(self.llm(x)[0])", False),
        ("return self.words(self.llm(x)[0])", False),
    ],
)
def test_who_makes_the_logits(tmp_path: Path, forward: str, leaves: bool) -> None:
    text = (
        "class X(nn.Module):\n    def __init__(self, config):\n"
        "        self.words = nn.Linear(config.width, config.vocab_size)\n"
        f"    def forward(self, x):\n        {forward}\n"
    )
    found = find_class(SourceTree(tmp_path, {"m": text}), "m", "X")
    assert found is not None
    assert leaves_head_to_part(found) is leaves
