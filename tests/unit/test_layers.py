"""What import-linter cannot see: the root links, and what workers import at all."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "src" / "mmport"
LINKS = ("cli", "codemods", "templates", "reference_models")
ENGINE_LIBRARIES = {"numpy", "PIL", "safetensors", "tokenizers", "torch", "transformers", "vllm"}
WORKERS = sorted((PACKAGE / "workers").rglob("*.py"))


@pytest.mark.parametrize("name", LINKS)
def test_a_root_link_is_relative_and_points_into_the_package(name: str) -> None:
    link = ROOT / name
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve() == PACKAGE / name


def test_every_package_has_its_layer() -> None:
    """A folder without a Python file (data) would otherwise slip past the linter."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(item for item in settings["contracts"] if item["id"] == "layers")
    named = {name for line in layers["layers"] for name in line.split(" | ")}
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name[0] != "_"}
    assert named | {"workers"} == folders


@pytest.mark.parametrize("path", WORKERS, ids=lambda path: path.stem)
def test_workers_import_the_standard_library_and_the_engine(path: Path) -> None:
    allowed = sys.stdlib_module_names | ENGINE_LIBRARIES | {"mmport_workers"}
    assert imports_of(path) - allowed == set()


def imports_of(path: Path) -> set[str]:
    """Give the top names of all absolute imports in a file, at whatever depth."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}
