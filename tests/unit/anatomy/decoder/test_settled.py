from __future__ import annotations

import ast
from types import SimpleNamespace
from typing import Any

import pytest

from mmport.anatomy.decoder.settled import UNSETTLED, ConfigView, settle

CONFIG = SimpleNamespace(hidden_size=64, heads=4, bias=False, kinds=["full", "full"], none=None)


def settled(text: str, **scope: Any) -> Any:
    return settle(ast.parse(text, mode="eval").body, {"config": ConfigView(CONFIG), **scope})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("config.hidden_size // config.heads", 16),
        ("(config.hidden_size // config.heads) ** -0.5", 0.25),
        ("config.bias or config.heads > 2", True),
        ("not config.bias", True),
        ("config.none is None", True),
        ("1 if config.heads == 4 else 2", 1),
        ('getattr(config, "heads", 9)', 4),
        ('getattr(config, "other", 9)', 9),
        ('hasattr(config, "other")', False),
        ("len(config.kinds)", 2),
        ("config.kinds[layer_idx]", "full"),
        ("config.bias and layer_idx > 3", False),
        ("config.heads or layer_idx", 4),
    ],
)
def test_what_the_config_settles(text: str, value: Any) -> None:
    assert settled(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "config.other",
        "config.__class__",
        "layer_idx > 3",
        "layer_idx or config.heads",
        "config.heads / 0",
        "10 ** 100",
        "config.hidden_size ** config.hidden_size",
        "'a' * config.heads",
        "open('x')",
        "config.kinds[7]",
    ],
)
def test_what_it_does_not_settle(text: str) -> None:
    assert settled(text) is UNSETTLED


def test_a_default_that_stands_in_is_remembered() -> None:
    view = ConfigView(CONFIG, SimpleNamespace(heads=9, gated=True))
    scope = {"config": view}
    assert settle(ast.parse("config.heads", mode="eval").body, scope) == 4
    assert settle(ast.parse("config.gated", mode="eval").body, scope) is True
    assert view.borrowed == {"gated": True}


def test_an_attribute_that_refuses_to_be_read_is_not_settled() -> None:
    class Odd:
        @property
        def heads(self) -> int:
            raise RuntimeError("it differs by layer")

    assert ConfigView(Odd()).get("heads") is UNSETTLED
