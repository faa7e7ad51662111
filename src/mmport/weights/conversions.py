"""Which of transformers' checkpoint conversions a model takes."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

from mmport.core.source_tree import package_folder
from mmport.model.conversions import Conversions, NameRule, Submodel, TensorRule
from mmport.weights.conversion_source import Entry, Table, read_table

_MODULE = "conversion_mapping.py"
_ANY_MODEL = "legacy"
"""The entry that every model takes, after its own."""


@cache
def library_table() -> Table:
    """Read the table of the installed transformers; an empty one if it has none."""
    folder = package_folder("transformers")
    if folder is None:
        return Table()
    path = folder / _MODULE
    return read_table(ast.parse(path.read_bytes())) if path.is_file() else Table()


def model_conversions(
    table: Table, submodels: Sequence[Submodel], *, own: Iterable[NameRule] = ()
) -> tuple[Conversions, ...]:
    """Collect what applies to a model, in the order in which transformers applies it.

    Args:
        table: of a release of transformers.
        submodels: the model itself, with an empty path, and those within it,
            outer ones first. Those of a model repo's own code are left out, as
            transformers leaves them out.
        own: renames that the model's class carries itself.
    """
    found: list[Conversions] = []
    claimed: defaultdict[str, list[str]] = defaultdict(list)
    rules = tuple(own)
    if rules:
        found.append(Conversions("", rules))
    for submodel in submodels:
        entry = _entry(table, submodel, claimed)
        if entry is not None:
            found.append(_conversions(submodel.path, entry))
    everyone = table.find(_ANY_MODEL) if submodels else None
    if everyone:
        found.append(_conversions("", everyone))
    return tuple(found)


def _entry(table: Table, submodel: Submodel, claimed: defaultdict[str, list[str]]) -> Entry | None:
    """Look a model up by its class, then by its type, unless one around it had the same."""
    if _within(submodel.path, claimed[submodel.class_name]):
        return None
    entry = table.find(submodel.class_name)
    by_type = entry is None
    if by_type:
        if _within(submodel.path, claimed[submodel.model_type]):
            return None
        entry = table.find(submodel.model_type)
    if entry is not None:
        claimed[submodel.class_name].append(submodel.path)
        if by_type:
            claimed[submodel.model_type].append(submodel.path)
    return entry


def _within(path: str, others: Iterable[str]) -> bool:
    return any(not other or path.startswith(f"{other}.") for other in others)


def _conversions(path: str, entry: Entry) -> Conversions:
    return Conversions(
        path,
        tuple(rule for rule in entry if isinstance(rule, NameRule)),
        tuple(rule for rule in entry if isinstance(rule, TensorRule)),
    )
