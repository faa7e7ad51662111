"""How many heads a rank's query and key have, and of which size, as a class' shapes tell."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from mmport.codemods.migrate.backends import last_name
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk
from mmport.vllm_api.surface.stubs import FunctionNode

_SHAPES = {"view", "reshape", "unflatten"}
_KEYS = "kv"


@dataclass(frozen=True, slots=True)
class Heads:
    """The number of a query's heads and their size; `of_keys` if a key has others."""

    count: ast.expr
    size: ast.expr
    of_keys: ast.expr | None = None

    @property
    def read(self) -> tuple[ast.expr, ...]:
        """Give what has to be known to make the layer."""
        return (self.count, self.size, *((self.of_keys,) if self.of_keys is not None else ()))


def heads_of(item: ModelClass, init: FunctionNode) -> Heads | None:
    """Read a class' heads from how it cuts up query, key and value; None if that is unclear."""
    pairs = {
        (ast.unparse(count), ast.unparse(size)): (count, size)
        for method in item.methods.values()
        if method is not init
        for count, size in _pairs(method)
    }
    if len({size for _, size in pairs}) != 1 or len(pairs) > 2:
        return None
    found = list(pairs.values())
    if len(found) == 1:
        return Heads(*found[0])
    keys = [one for one in found if _KEYS in last_name(one[0])]
    others = [one for one in found if one not in keys]
    if len(keys) != 1:
        return None
    return Heads(*others[0], of_keys=keys[0][0])


def _pairs(method: FunctionNode) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Give the last two of each shape, where the class has both as attributes."""
    for node in walk(method):
        shape: list[ast.expr] = []
        if isinstance(node, ast.Tuple):
            shape = node.elts
        elif isinstance(node, ast.Call) and last_name(node.func) in _SHAPES:
            shape = node.args
        if len(shape) > 2 and all(_is_own(one) for one in shape[-2:]):
            yield shape[-2], shape[-1]


def _is_own(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and last_name(node.value) == "self"
