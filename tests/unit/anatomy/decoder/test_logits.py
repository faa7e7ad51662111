from __future__ import annotations

from pathlib import Path

import pytest

from mmport.anatomy.classes import find_class
from mmport.anatomy.decoder.logits import read_logits
from mmport.core.source_tree import SourceTree
from mmport.model.logits import Logits

MODEL = """
class Model(nn.Module):
    def __init__(self, config):
        self.head = nn.Linear(4, 8)
        self.factor = config.text_config.factor

    def forward(self, hidden_states):
        {body}
        return Output(logits=logits)
"""

HEAD = "logits = self.head(hidden_states)"
CAPPED = "logits = torch.tanh(logits / cap) * cap"


def logits_of(folder: Path, *lines: str) -> Logits | None:
    body = "\n        ".join(lines)
    found = find_class(SourceTree(folder, {"m": MODEL.format(body=body)}), "m", "Model")
    assert found is not None
    return read_logits(found)


@pytest.mark.parametrize(
    ("lines", "scale", "soft_cap"),
    [
        ((HEAD,), "", ""),
        ((f"{HEAD}.float()",), "", ""),
        ((f"{HEAD} * self.factor",), "text_config.factor", ""),
        ((HEAD, "logits = logits / self.config.by"), "1 / config.by", ""),
        ((HEAD, "logits *= 0.5", "logits /= self.config.by"), "0.5 / config.by", ""),
        (
            ("cap = self.config.get_text_config().cap", HEAD, CAPPED),
            "",
            "text_config.cap",
        ),
        (
            ("cap = self.config.cap", HEAD, "logits = logits * self.factor", CAPPED),
            "text_config.factor",
            "config.cap / text_config.factor",
        ),
        (
            ("cap = self.config.cap", HEAD, CAPPED, "logits = logits * self.factor"),
            "text_config.factor",
            "config.cap",
        ),
        (
            (HEAD, "if (cap := self.config.cap) is not None:", f"    {CAPPED}"),
            "",
            "config.cap",
        ),
    ],
)
def test_factors_and_a_cap_are_said_as_vllm_does_them(
    tmp_path: Path, lines: tuple[str, ...], scale: str, soft_cap: str
) -> None:
    assert logits_of(tmp_path, *lines) == Logits(scale, soft_cap)


@pytest.mark.parametrize(
    "lines",
    [
        (HEAD, "logits = logits[..., : self.config.vocab_size]"),
        (HEAD, "logits = torch.tanh(logits)"),
        (HEAD, "logits = logits + self.factor"),
        (HEAD, "logits[..., 0] = 0"),
        (HEAD, "logits = logits * self.unknown"),
        (HEAD, "if self.factor is not None:", "    logits = logits * self.factor"),
        (HEAD, "if self.training:", "    logits = logits * self.factor"),
        (HEAD, "for one in range(2):", "    logits = logits * self.factor"),
        (
            f"{HEAD} * self.factor",
            "cap = self.config.cap",
            "if cap is not None:",
            f"    {CAPPED}",
        ),
    ],
)
def test_anything_else_is_left_unread(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert logits_of(tmp_path, *lines) is None
