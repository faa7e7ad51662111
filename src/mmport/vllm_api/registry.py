"""Draws what a release's registry of architectures holds, and what each class is in brief."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Final

from mmport.core.source_tree import FoundClass, SourceTree
from mmport.vllm_api.embeddings import decoder_that_takes_embeddings
from mmport.vllm_api.legacy import LegacyContract, legacy_contract

REMOVED: Final = "previously_supported"
CONFIG_TYPES: Final = "config_types"
_MODELS = "vllm.model_executor.models"
_INTERFACES = (f"{_MODELS}.interfaces", f"{_MODELS}.interfaces_base")
_REGISTRIES = (f"{_MODELS}.registry", _MODELS)
"""Where the tables of architectures stand; before 0.6.3 in the package itself."""
_TEXT, _MULTIMODAL = "text_generation", "multimodal"
_OLD_GROUPS = {"generation": _TEXT}
"""What the tables of the first releases are called since."""
_CONFIGS = "vllm.transformers_utils.config"
_CONFIG_REGISTRY = "_CONFIG_REGISTRY"


def draw_registry(tree: SourceTree, era: str) -> dict[str, dict[str, Any]] | None:
    """Read the registry of a release: group, then architecture; None if there is none.

    Beside the groups of the registry: `previously_supported`, an architecture that was
    taken out with the last release that had it, and `config_types`, model types whose
    config is of a class of vLLM's own.
    """
    registry = _registry(tree)
    if registry is None:
        return None
    tables = dict(_tables(registry))
    groups = {name: table for name, table in tables.items() if _is_registered(table)}
    architectures = {
        _OLD_GROUPS.get(group, group): {
            name: _entry(tree, *place) for name, place in sorted(entries.items())
        }
        for group, entries in sorted(groups.items())
    }
    if contract := legacy_contract(era):
        architectures = _as_later_releases(architectures, contract)
    text = architectures.get(_TEXT, {})
    architectures[_TEXT] = {name: _with_decoder(tree, entry) for name, entry in text.items()}
    removed = dict(sorted(tables.get(REMOVED, {}).items()))
    types = dict.fromkeys(sorted(_config_types(tree)), True)
    return architectures | {REMOVED: removed, CONFIG_TYPES: types}


def _registry(tree: SourceTree) -> ast.Module | None:
    """Find the module that holds the tables; the package itself is there in any release."""
    modules = (tree.module(name) for name in _REGISTRIES)
    return next((module for module in modules if module and any(_tables(module))), None)


def _as_later_releases(
    groups: dict[str, dict[str, Any]], contract: LegacyContract
) -> dict[str, dict[str, Any]]:
    """Group an old release as later ones are: what takes images apart from what does not."""
    multimodal: dict[str, Any] = dict(groups.get(_MULTIMODAL, {}))
    text: dict[str, Any] = {}
    for name, entry in groups[_TEXT].items():
        shows = contract.protocol in entry.get("interfaces", ())
        (multimodal if shows else text)[name] = entry
    grouped = groups | {_TEXT: text, _MULTIMODAL: dict(sorted(multimodal.items()))}
    return dict(sorted(grouped.items()))


def _with_decoder(tree: SourceTree, entry: dict[str, Any]) -> dict[str, Any]:
    """Say how a text class takes embeddings, if it does."""
    found = tree.find_class(entry["module"], entry["class_name"])
    decoder = decoder_that_takes_embeddings(tree, found) if found else ""
    return entry | ({"decoder": decoder} if decoder else {})


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
