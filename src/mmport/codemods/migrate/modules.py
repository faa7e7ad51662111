"""The modules of vLLM's that a class of a file is made of, and their calls."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk
from mmport.vllm_api.surface.release import Bound
from mmport.vllm_api.surface.signatures import Signature, of_stub

_FORWARD = "forward"


def forward_calls(reading: Reading) -> Iterator[tuple[ast.Call, Signature]]:
    """Give the calls of vLLM's modules by the classes that made them, and what these take now."""
    for item in reading.file.classes.values():
        made = dict(_made(reading, item))
        for method in item.methods.values():
            here = {**made, **_looped(method, made)}
            for call in walk(method):
                if isinstance(call, ast.Call) and (found := here.get(ast.unparse(call.func))):
                    takes = _forward(reading, found)
                    if takes is not None:
                        yield call, takes


def _made(reading: Reading, item: ModelClass) -> Iterator[tuple[str, Bound]]:
    """Find `self.name = Class(…)`, and lists of modules of one class."""
    for method in item.methods.values():
        for node in walk(method):
            match node:
                case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self")) as target]):
                    classes = {
                        found
                        for call in walk(node.value)
                        if isinstance(call, ast.Call) and (found := _class(reading, call.func))
                    }
                    if len(classes) == 1:
                        yield ast.unparse(target), classes.pop()


def _class(reading: Reading, node: ast.expr) -> Bound | None:
    found = reading.of(node)
    return found if found.known and found.is_class else None


def _looped(method: ast.AST, made: dict[str, Bound]) -> dict[str, Bound]:
    """Name the variables of loops over lists of modules."""
    return {
        node.target.id: made[ast.unparse(node.iter)]
        for node in walk(method)
        if isinstance(node, ast.For)
        and isinstance(node.target, ast.Name)
        and ast.unparse(node.iter) in made
    }


def _forward(reading: Reading, found: Bound) -> Signature | None:
    names = reading.after.names
    now = names.find(found.module, found.name)
    member = names.member(now, _FORWARD) if now is not None and now.is_class else None
    read = of_stub(member.stub) if member is not None else None
    return read.bound() if read is not None else None
