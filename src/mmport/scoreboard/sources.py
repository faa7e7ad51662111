"""Hashes of the source that a result hangs on, so that no stale one is shown."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import mmport
from mmport.core.files import sha256_file

_ROOT = Path(mmport.__file__).parent
_IGNORED = frozenset({"__pycache__"})
_WORKERS = ("hf", "vllm_engine", "runner")
_JUDGING = ("run", "facts")
_PORTING = (
    "anatomy",
    "generation",
    "inspection",
    "model",
    "planning",
    "templates",
    "vllm_api/catalog",
    "weights",
)


@cache
def comparing() -> str:
    """Hash what asks both sides and judges their answers."""
    workers = reached_from(_ROOT / "workers", _WORKERS)
    return _hash([*workers, *reached_from(_ROOT / "verification", _JUDGING)])


@cache
def porting() -> str:
    """Hash what reads a model and writes its port."""
    return _hash(path for name in _PORTING for path in _files(_ROOT / name))


@cache
def building() -> str:
    """Hash what builds reference models."""
    folders = ("reference_models", "workers")
    return _hash(path for name in folders for path in _files(_ROOT / name))


def folder_hash(folder: Path, *, without: str) -> str:
    """Hash all files of a folder, by name and content, but for one."""
    return _hash((path for path in _files(folder) if path.name != without), folder)


def reached_from(folder: Path, names: Iterable[str]) -> list[Path]:
    """List the modules of a folder that some of them import, in whatever depth, with these."""
    package = ".".join(folder.relative_to(_ROOT.parent).parts)
    waiting, found = list(names), set[Path]()
    while waiting:
        path = folder / f"{waiting.pop()}.py"
        if path.is_file() and path not in found:
            found.add(path)
            waiting += _siblings(ast.parse(path.read_text(encoding="utf-8")), package)
    return sorted(found)


def _siblings(tree: ast.Module, package: str) -> Iterable[str]:
    """Names that may be modules beside the one that imports them."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        module = node.module or ""
        if node.level == 1:
            yield from [module] if module else [alias.name for alias in node.names]
        elif module == package:
            yield from (alias.name for alias in node.names)
        elif module.startswith(f"{package}."):
            yield module.removeprefix(f"{package}.")


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not _IGNORED.intersection(path.parts)
    )


def _hash(paths: Iterable[Path], folder: Path = _ROOT) -> str:
    total = hashlib.sha256()
    for path in paths:
        total.update(f"{path.relative_to(folder).as_posix()}\0{sha256_file(path)}\n".encode())
    return total.hexdigest()
