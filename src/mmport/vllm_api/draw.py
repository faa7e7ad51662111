"""Draws a release's catalog from its source; only syntax trees are read."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmport.core.errors import Usage
from mmport.core.source_tree import SourceTree
from mmport.vllm_api import store
from mmport.vllm_api.eras import era_of, parse_release, release_name
from mmport.vllm_api.registry import draw_registry
from mmport.vllm_api.surface.modules import draw_modules


@dataclass(frozen=True, slots=True)
class Drawn:
    """A release as its source has it: the parts of its catalog, each by subject and name."""

    version: str
    parts: Mapping[str, Mapping[str, Mapping[str, Any]]]


def draw(folder: Path, *, version: str | None = None) -> Drawn:
    """Read a release's source into what its catalog holds.

    Args:
        folder: what holds the package `vllm`: a checkout, a site-packages folder, or an
            unpacked wheel.
        version: the release, where the source does not say it (a checkout).

    Raises:
        Usage: there is no vLLM in `folder`, or its version is not known.
    """
    root = folder.parent if folder.name == "vllm" and not (folder / "vllm").is_dir() else folder
    tree = SourceTree(root)
    stated = version or _stated_version(tree) or ""
    release = parse_release(stated)
    era = release and era_of(release)
    name = release_name(stated)
    if era is None or name is None:
        raise Usage(f"the vLLM in {folder} is of no known era", "name its release with --version")
    registry = draw_registry(tree, era.name)
    if registry is None:
        raise Usage(f"{folder} holds no vLLM source", "name the folder that holds `vllm/`")
    return Drawn(name, {store.REGISTRY: registry, **draw_modules(root)})


def _stated_version(tree: SourceTree) -> str | None:
    module = tree.module("vllm._version")
    for node in module.body if module else []:
        match node:
            case ast.Assign(value=ast.Constant(value=str(version))):
                if "version" in {name.id for name in node.targets if isinstance(name, ast.Name)}:
                    return version
    return None
