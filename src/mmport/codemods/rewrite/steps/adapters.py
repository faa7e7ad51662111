"""What has to be known of a class before it can say that adapters fit its encoder."""

from __future__ import annotations

import ast

import libcst as cst

from mmport.codemods.classes import (
    Statement,
    apart,
    attribute,
    base_names,
    lineage,
    value_of,
    written,
)
from mmport.codemods.printing import code_of
from mmport.codemods.rewrite.graft import Graft

_FUSED = "packed_modules_mapping"


def takes_adapters(module: cst.Module, node: cst.ClassDef) -> bool:
    """Tell whether a class takes adapters, or inherits a model of another module that may."""
    names = {name for one in lineage(module, node) for name in base_names(one)}
    return "SupportsLoRA" in names or any(name.endswith("ForCausalLM") for name in names)


def fuses_alike(node: cst.ClassDef, graft: Graft) -> bool:
    """Tell whether the class's own table says of fused layers all that the encoder's does."""
    if _FUSED not in graft.attributes:
        return True  # the era has no adapters for encoders
    own, wanted = _table(attribute(node, _FUSED)), _table(graft.attributes[_FUSED])
    return own | wanted == own


def fused_tables(graft: Graft) -> list[Statement]:
    """Write what joins both tables when the class is built, where one cannot tell before."""
    value = value_of(graft.attributes[_FUSED])
    assert value is not None  # noqa: S101 - an assignment has a value
    table = code_of(value)
    first, *rest = written(_JOINED.format(table=table))
    return [apart(first), *rest]


_JOINED = """# Fused layers are looked up by name, in one table for the whole model. Where the
# language model fuses layers of the same names otherwise, adapters fit it alone.
tower_modules = {table}
self.packed_modules_mapping = tower_modules | self.packed_modules_mapping
self.supports_tower_connector_lora = all(
    self.packed_modules_mapping[name] == modules
    for name, modules in tower_modules.items()
)
"""


def _table(statement: Statement | None) -> dict[str, list[str]]:
    value = value_of(statement) if statement is not None else None
    try:
        found = ast.literal_eval(code_of(value)) if value else {}
    except (ValueError, SyntaxError):
        return {}
    return found if isinstance(found, dict) else {}
