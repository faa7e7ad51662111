"""Tiny checkpoints and their ports, made by the real commands' own workflows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmport.workflows import scaffold
from mmport.workflows.reference import build_tiny

Checkpoint = Callable[..., Path]
Port = Callable[[Path], Path]


@pytest.fixture
def checkpoint(engine_python: Path) -> Checkpoint:
    """Build a reference model by name, or take it from the cache."""

    def build(name: str, layout: str | None = None) -> Path:
        return build_tiny(name, python=engine_python, layout=layout)

    return build


@pytest.fixture
def port_of(tmp_path: Path) -> Port:
    """Scaffold the port of a checkpoint."""

    def generate(model: Path) -> Path:
        folder = tmp_path / "port"
        scaffold.write(scaffold.prepare(scaffold.Request(str(model), folder)))
        return folder

    return generate
