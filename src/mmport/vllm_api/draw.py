"""Draws a release's catalog from its source: `python -m mmport.vllm_api.draw DIR -o FILE`.

DIR holds the package `vllm`: a checkout, a site-packages folder, or an unpacked
wheel. Only syntax trees are read; nothing of vLLM is imported.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmport.core.errors import MmportError, Usage
from mmport.core.files import write_text
from mmport.core.source_tree import FoundClass, SourceTree
from mmport.vllm_api.embeddings import decoder_that_takes_embeddings
from mmport.vllm_api.eras import era_of, parse_release, release_name
from mmport.vllm_api.legacy import LegacyContract, legacy_contract

CATALOG_SCHEMA = "mmport.catalog/1"

_MODELS = "vllm.model_executor.models"
_INTERFACES = (f"{_MODELS}.interfaces", f"{_MODELS}.interfaces_base")
_REGISTRIES = (f"{_MODELS}.registry", _MODELS)
"""Where the tables of architectures stand; before 0.6.3 in the package itself."""
_REMOVED = "previously_supported"
_TEXT, _MULTIMODAL = "text_generation", "multimodal"
_OLD_GROUPS = {"generation": _TEXT}
"""What the tables of the first releases are called since."""
_CONFIGS = "vllm.transformers_utils.config"
_CONFIG_REGISTRY = "_CONFIG_REGISTRY"


def draw(folder: Path, *, version: str | None = None) -> dict[str, Any]:
    """Read a release's source into the content of its catalog file.

    Args:
        folder: what holds the package `vllm`.
        version: the release, where the source does not say it (a checkout).

    Raises:
        Usage: there is no vLLM in `folder`, or its version is not known.
    """
    root = folder.parent if folder.name == "vllm" and not (folder / "vllm").is_dir() else folder
    tree = SourceTree(root)
    registry = _registry(tree)
    if registry is None:
        raise Usage(f"{folder} holds no vLLM source", "name the folder that holds `vllm/`")
    stated = version or _stated_version(tree) or ""
    release = parse_release(stated)
    era = release and era_of(release)
    if era is None:
        raise Usage(f"the vLLM in {folder} is of no known era", "name its release with --version")
    tables = dict(_tables(registry))
    removed = tables.get(_REMOVED, {})
    groups = {name: table for name, table in tables.items() if _is_registered(table)}
    architectures = {
        _OLD_GROUPS.get(group, group): {
            name: _entry(tree, *place) for name, place in sorted(entries.items())
        }
        for group, entries in sorted(groups.items())
    }
    if contract := legacy_contract(era.name):
        architectures = _as_later_releases(tree, architectures, contract)
    return {
        "schema": CATALOG_SCHEMA,
        "version": release_name(stated),
        "era": era.name,
        "architectures": architectures,
        "previously_supported": dict(sorted(removed.items())),
        "config_types": sorted(_config_types(tree)),
    }


def render(catalog: dict[str, Any]) -> str:
    """Write a catalog as JSON with one architecture a line, so that releases diff well."""
    head = ("schema", "version", "era")
    lines = ["{", *(f" {json.dumps(key)}: {json.dumps(catalog[key])}," for key in head)]
    lines.append(' "architectures": {')
    groups = catalog["architectures"]
    for group, entries in groups.items():
        lines.append(f"  {json.dumps(group)}: {{")
        lines.extend(_lines(entries, "   "))
        lines.append("  }" if group == list(groups)[-1] else "  },")
    lines += [" },", ' "previously_supported": {']
    lines.extend(_lines(catalog["previously_supported"], "  "))
    lines += [" },", f' "config_types": {json.dumps(catalog["config_types"])}', "}"]
    return "\n".join(lines) + "\n"


def _lines(entries: dict[str, Any], indent: str) -> list[str]:
    texts = [f"{indent}{json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items()]
    return [f"{text}," for text in texts[:-1]] + texts[-1:]


def _registry(tree: SourceTree) -> ast.Module | None:
    """Find the module that holds the tables; the package itself is there in any release."""
    modules = (tree.module(name) for name in _REGISTRIES)
    return next((module for module in modules if module and any(_tables(module))), None)


def _as_later_releases(
    tree: SourceTree, groups: dict[str, dict[str, Any]], contract: LegacyContract
) -> dict[str, dict[str, Any]]:
    """Group an old release as later ones are, and say how its text classes take embeddings."""
    text, multimodal = {}, dict(groups.get(_MULTIMODAL, {}))
    for name, entry in groups[_TEXT].items():
        if contract.protocol in entry.get("interfaces", ()):
            multimodal[name] = entry
        else:
            found = tree.find_class(entry["module"], entry["class_name"])
            decoder = found and decoder_that_takes_embeddings(tree, found)
            text[name] = entry | ({"decoder": decoder} if decoder else {})
    grouped = groups | {_TEXT: text, _MULTIMODAL: dict(sorted(multimodal.items()))}
    return dict(sorted(grouped.items()))


def _is_registered(table: dict[str, Any]) -> bool:
    """Tell a table of (module, class) from one of release numbers or addresses."""
    return all(isinstance(value, tuple) for value in table.values())


def _tables(registry: ast.Module) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the registry's own tables, `_TEXT_GENERATION_MODELS` as `text_generation`."""
    for name, value in _assigned(registry):
        own = _own_entries(value) if isinstance(value, ast.Dict) else {}
        if name.endswith("_MODELS") and own:
            yield name.strip("_").removesuffix("_MODELS").lower(), own


def _assigned(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Give the variables of a module, each with what it is set to."""
    for node in module.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name), *_], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                yield name, value


def _own_entries(table: ast.Dict) -> dict[str, Any]:
    """Give what a table spells out itself; what it spreads in is listed elsewhere."""
    pairs = zip(table.keys, table.values, strict=True)
    return {
        ast.literal_eval(key): ast.literal_eval(value)
        for key, value in pairs
        if key is not None and not any(isinstance(part, ast.Name) for part in ast.walk(value))
    }


def _entry(tree: SourceTree, module: str, class_name: str) -> dict[str, Any]:
    full = module if module.startswith("vllm.") else f"{_MODELS}.{module}"
    entry: dict[str, Any] = {"module": full, "class_name": class_name}
    found = tree.find_class(full, class_name)
    if found is not None:
        entry["interfaces"] = _interfaces(tree, found)
    return entry


def _interfaces(tree: SourceTree, found: FoundClass) -> list[str]:
    """Name every class of vLLM's interface modules that `found` inherits from."""
    lineage = tree.lineage(found)
    return sorted({item.node.name for item in lineage if item.module in _INTERFACES})


def _config_types(tree: SourceTree) -> Iterator[str]:
    """Give the model types whose config is of a class of vLLM's own, whatever transformers has."""
    module = tree.module(_CONFIGS)
    for name, value in _assigned(module) if module else ():
        for part in ast.walk(value) if name == _CONFIG_REGISTRY else ():
            match part:
                case ast.Call(keywords=keywords):
                    yield from (one.arg for one in keywords if one.arg)
                case ast.Dict(keys=keys):
                    yield from (str(key.value) for key in keys if isinstance(key, ast.Constant))


def _stated_version(tree: SourceTree) -> str | None:
    module = tree.module("vllm._version")
    for node in module.body if module else []:
        match node:
            case ast.Assign(value=ast.Constant(value=str(version))):
                if "version" in {name.id for name in node.targets if isinstance(name, ast.Name)}:
                    return version
    return None


def main(arguments: list[str] | None = None) -> int:
    """Draw one catalog file."""
    parser = argparse.ArgumentParser(prog="python -m mmport.vllm_api.draw", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--version", help="the release, where the source does not say it")
    options = parser.parse_args(arguments)
    try:
        write_text(options.output, render(draw(options.folder, version=options.version)))
    except MmportError as error:
        parser.exit(error.exit_code, f"{error.what}\n  what to do: {error.hint}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
