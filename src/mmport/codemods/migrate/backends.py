"""What a file says of attention backends: members of the enum, and what is made of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk
from mmport.vllm_api.surface.modules import PACKAGE
from mmport.vllm_api.surface.stubs import FunctionNode

ENUMS = ("_Backend", "AttentionBackendEnum")
"""What vLLM called the enum of backends, release by release."""

PICK, FLASH, UPSTREAM = (
    "get_vit_attn_backend",
    "maybe_get_vit_flash_attn_backend",
    "check_upstream_fa_availability",
)
UPSTREAM_FLAG = "use_upstream_fa"
"""What the search for FlashAttention was told until 0.12.0, and files kept to themselves since."""

_PICKED_BY = (PICK, FLASH, UPSTREAM)
_Assigned = ast.Assign | ast.AnnAssign


def last_name(node: ast.expr) -> str:
    """Give the last part of a dotted name; empty if it is none."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def is_enum(reading: Reading, node: ast.expr) -> bool:
    """Tell whether a name is vLLM's enum of backends."""
    item = reading.file.imported(node.id) if isinstance(node, ast.Name) else None
    return item is not None and item.name in ENUMS and item.module.startswith(PACKAGE)


def members(reading: Reading, node: ast.AST) -> list[ast.Attribute]:
    """Find the members of the enum that code names."""
    return [
        one for one in walk(node) if isinstance(one, ast.Attribute) and is_enum(reading, one.value)
    ]


def calls_of(node: ast.AST, *names: str) -> list[ast.Call]:
    """Find the calls of functions and methods of some names."""
    found = (one for one in walk(node) if isinstance(one, ast.Call))
    return [one for one in found if last_name(one.func) in names]


def own_names(node: ast.AST) -> set[str]:
    """Name what code reads or sets of `self`."""
    return {
        one.attr
        for one in walk(node)
        if isinstance(one, ast.Attribute) and last_name(one.value) == "self"
    }


def attributes(reading: Reading, item: ModelClass) -> set[str]:
    """Name the attributes of a class that hold a backend, or what follows from one."""
    found: set[str] = set()
    before = -1
    while len(found) > before:
        before = len(found)
        for node in _assigned(item):
            if node.value is not None and _is_about(reading, item, node.value, found):
                found |= {name for one in _targets(node) for name in own_names(one)}
    return found


def _assigned(item: ModelClass) -> Iterator[_Assigned]:
    for method in item.methods.values():
        yield from (one for one in walk(method) if isinstance(one, _Assigned))


def _targets(node: _Assigned) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def _is_about(reading: Reading, item: ModelClass, value: ast.expr, known: set[str]) -> bool:
    if isinstance(value, ast.Call) and last_name(value.func) not in _PICKED_BY:
        return False  # what is made with a backend is no backend
    init = item.methods.get("__init__")
    given = backend_parameters(reading, init) if init is not None else set()
    named = {one.id for one in walk(value) if isinstance(one, ast.Name)}
    return bool(
        members(reading, value)
        or calls_of(value, *_PICKED_BY)
        or own_names(value) & known
        or named & given
    )


def backend_parameters(reading: Reading, method: FunctionNode) -> set[str]:
    """Name the parameters of a method that are given a backend."""
    every = (*method.args.args, *method.args.kwonlyargs)
    return {
        one.arg
        for one in every
        if one.annotation
        and any(
            isinstance(part, ast.Name) and is_enum(reading, part) for part in walk(one.annotation)
        )
    }


def asks(reading: Reading, test: ast.expr, known: set[str]) -> bool:
    """Tell whether a condition asks for a backend."""
    return bool(members(reading, test) or own_names(test) & known)
