"""The files that lie beside a file: a plugin's own classes may stand above those of another."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

from mmport.usage.module_name import module_name
from mmport.usage.source import Imported, ModelFile, read_model_file
from mmport.vllm_api.surface.modules import PACKAGE
from mmport.vllm_api.surface.stubs import ModuleName

_RELATIVE = re.compile(r"^\s*from\s*\.", re.MULTILINE)


def may_concern(text: str) -> bool:
    """Tell a text that names vLLM, or that may have something of its from the files beside it."""
    return PACKAGE in text or bool(_RELATIVE.search(text))


def neighbour(module: ModuleName, item: Imported) -> ModelFile | None:
    """Find the file that an import takes a name from, where it is of the same package.

    None for all that lies elsewhere.
    """
    node = item.node
    if module.folder is None or not isinstance(node, ast.ImportFrom) or not node.module:
        return None
    root = _root(module.folder, node)
    path = root.joinpath(*node.module.split(".")) if root is not None else None
    for file in (path.with_suffix(".py"), path / "__init__.py") if path is not None else ():
        if file.is_file():
            return _read(file, file.stat().st_mtime_ns)
    return None


def _root(folder: Path, node: ast.ImportFrom) -> Path | None:
    """Find the folder that a module's dotted name begins in: above the package, if it is named."""
    whole = folder.resolve()
    folders = (whole, *whole.parents)
    if node.level:
        return next(iter(folders[node.level - 1 :]), None)
    package = (node.module or "").partition(".")[0]
    if package == PACKAGE:
        return None
    return next((one.parent for one in folders if one.name == package), None)


@lru_cache(maxsize=64)
def _read(file: Path, _changed: int) -> ModelFile | None:
    try:
        tree = ast.parse(file.read_bytes())
        return read_model_file(tree, module_name(file, tree))
    except (SyntaxError, ValueError, RecursionError, OSError):
        return None  # it is told of where it is looked at itself
