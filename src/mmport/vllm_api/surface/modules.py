"""Draws every module of a release into stubs, part by part."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from mmport.vllm_api.surface.areas import ANNOTATED, UNREAD, WITHOUT_MEMBERS, area_of, lies_in
from mmport.vllm_api.surface.stubs import ModuleName, read_stubs

PACKAGE: Final = "vllm"
ITSELF: Final = ""
"""The name of the stub that says what the module is: `module`, `package`, or `unread`."""


def draw_modules(root: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Read the package `vllm` below `root` into stubs: part, module, name.

    Raises:
        SyntaxError: a module is not Python.
    """
    drawn: dict[str, dict[str, dict[str, str]]] = {}
    for module, file in _modules(root):
        stubs = _stubs(module, file)
        drawn.setdefault(area_of(module.name), {})[module.name] = stubs
    return drawn


def _modules(root: Path) -> Iterator[tuple[ModuleName, Path]]:
    for file in sorted((root / PACKAGE).rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        yield ModuleName(".".join(parts[:-1] if is_package else parts), is_package), file


def _stubs(module: ModuleName, file: Path) -> dict[str, str]:
    if lies_in(module.name, UNREAD):
        return {ITSELF: "unread"}
    kind = "package" if module.is_package else "module"
    return {ITSELF: kind} | _read(module, file.read_text(encoding="utf-8"))


@lru_cache(maxsize=16384)
def _read(module: ModuleName, text: str) -> dict[str, str]:
    """Read a module; most are the same from one release to the next."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        tree = ast.parse(text, filename=module.name)
    return read_stubs(
        tree,
        module,
        annotated=lies_in(module.name, ANNOTATED),
        members=not lies_in(module.name, WITHOUT_MEMBERS),
    )
