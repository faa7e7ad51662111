"""Which module a file is: what its relative imports mean."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Final

from mmport.usage.walking import walk
from mmport.vllm_api import store
from mmport.vllm_api.surface.modules import PACKAGE
from mmport.vllm_api.surface.release import names_of
from mmport.vllm_api.surface.stubs import ModuleName

MODELS: Final = "vllm.model_executor.models"
_OWN: Final = "port"
"""The package that any other file is taken to be in."""


def module_name(path: Path, tree: ast.Module) -> ModuleName:
    """Name a file's module.

    A file in a copy of vLLM is the module that it is there. One that was copied out
    of vLLM's models still imports its neighbours, which do not lie beside it. Most of
    them are modules of vLLM's: a plugin's own file has other neighbours.
    """
    parts = path.with_suffix("").parts
    is_package = parts[-1] == "__init__"
    names = parts[:-1] if is_package else parts
    if PACKAGE in names[:-1]:
        start = len(names) - 1 - names[:-1][::-1].index(PACKAGE) - 1
        return ModuleName(".".join(names[start:]), is_package)
    package = MODELS if _was_copied(path, tree) else _OWN
    return ModuleName(f"{package}.{names[-1].replace('.', '_')}")


def _was_copied(path: Path, tree: ast.Module) -> bool:
    relative = [
        node.module
        for node in walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module
    ]
    first = [name.partition(".")[0] for name in relative]
    beside = (path.parent / name for name in first)
    there = any(one.with_suffix(".py").is_file() or one.is_dir() for one in beside)
    known = [_is_of_vllm(name) for name in dict.fromkeys(first)]
    return not there and sum(known) * 2 > len(known)


@cache
def _is_of_vllm(name: str) -> bool:
    """Tell whether any release has a model's module, or a helper's, of that name."""
    module = f"{MODELS}.{name}"
    return any(names_of(one).find_module(module) is not None for one in store.releases())
