"""Modules that functions, tables and methods of a model's source make."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from mmport.anatomy.classes import find_class
from mmport.anatomy.submodels import Inside, read_inside
from mmport.core.source_tree import SourceTree

BUILDERS = """
from torch import nn
from .towers import Tower, Other

TABLE = {"a": Tower, "b": Other}


def build(config, delay=False):
    tower = Tower(config.vision_config, delay)
    return tower


def class_of(name):
    if name == "other":
        found = Other
    else:
        found = Tower
    return found


def round_about(config):
    return round_about(config)
"""
TOWERS = """
from torch import nn


class Tower(nn.Module):
    def __init__(self, config, delay=False):
        super().__init__()
        self.settings = config
        self.make()

    def make(self):
        self.inner = Inner(self.settings.inner_config)


class Other(nn.Module):
    pass


class Inner(nn.Module):
    pass
"""


def read(init: str, more: str = "") -> Inside:
    text = "from torch import nn\nfrom .builders import build, class_of, round_about, TABLE\n"
    text += f"class X(nn.Module):\n    def __init__(self, config):\n        {init}\n{more}"
    texts = {"modeling_x": text, "builders": BUILDERS, "towers": TOWERS}
    top = find_class(SourceTree(Path("nowhere"), texts), "modeling_x", "X")
    assert top is not None
    return read_inside(top, {"vision_config": {"inner_config": {}}})


@pytest.mark.parametrize(
    "init",
    [
        "self.eye = build(config, delay=True)",
        "self.eye = self.make_eye(config)",
        "self.eye = TABLE[config.kind](config.vision_config)",
        "kind = class_of(config.kind); self.eye = kind(config.vision_config)",
    ],
)
def test_what_is_made_is_known(init: str) -> None:
    more = "\n    def make_eye(self, given):\n        return build(given)\n"
    found = read(init, more)
    assert "eye" in found.holders
    assert "eye.inner" in found.attributes


@pytest.mark.parametrize("init", ["self.eye = round_about(config)", "self.eye = unknown(config)"])
def test_what_nobody_knows_may_hold_tensors(init: str) -> None:
    assert "eye" in read(init).holders


@pytest.mark.parametrize("init", ["self.eye = len(config)", "self.eye = config.get('eye')"])
def test_what_is_no_module_holds_none(init: str) -> None:
    assert "eye" not in read(dedent(init)).holders
