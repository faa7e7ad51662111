"""A class of experts holds their weights; a function makes the layer, and gives one tensor."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import append_argument
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk
from mmport.vllm_api.changes import name_change

MODULE = "vllm.model_executor.layers.fused_moe"
_LAYER, _SHARED, _BASE = "FusedMoE", "SharedFusedMoE", "RoutedExperts"
CLASSES = (_LAYER, _SHARED)
_OF_CONFIG = ("tp_size", "tp_rank", "ep_size", "ep_rank", "dp_size")
_WEIGHTS = re.compile(r"\bexperts\.(?=w(13|2)_)")


def is_experts(reading: Reading, name: str) -> bool:
    """Tell a name of the class that experts were."""
    item = reading.file.imported(name)
    return item is not None and item.name in CLASSES and item.module.startswith(MODULE)


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    heirs = {node.name: (node, base) for node, base in _heirs(reading)}
    for node, base in heirs.values():
        if any(isinstance(one, ast.FunctionDef) and one.name == "__init__" for one in node.body):
            edits.notes.append(_told(node.name, base.id))
            return edits
    for node, base in heirs.values():
        _inherit(reading, node, base, edits)
    made = {name for name, (_, base) in heirs.items() if _is_shared(reading, base)}
    for call in reading.file.calls:
        if isinstance(call.func, ast.Name) and call.func.id in heirs:
            layer = _layer(reading)
            edits.put(*reading.span(call.func), layer)
            edits.need(MODULE, layer)
            append_argument(reading, call, f"routed_experts_cls={call.func.id}", edits)
    _one_tensor(reading, made, edits)
    _weights(reading, edits)
    return edits


def _layer(reading: Reading) -> str:
    """Name what makes the layer, which was called as the class was for three releases."""
    change = name_change(_LAYER, reading.target)
    return change.instead.rpartition(".")[2] if change is not None else _LAYER


def _heirs(reading: Reading) -> Iterator[tuple[ast.ClassDef, ast.Name]]:
    for node in reading.nodes:
        if isinstance(node, ast.ClassDef):
            for base in node.bases:
                if isinstance(base, ast.Name) and is_experts(reading, base.id):
                    yield node, base


def _told(name: str, base: str) -> Note:
    """Say what to write for a class that makes its layer itself."""
    what = f"{base} is no class any more, and {name} inherits it with a constructor of its own"
    fix = (
        f"let the class inherit {_BASE}, which holds the weights, and make the experts by "
        f"{_LAYER}(…, routed_experts_cls={name}), whose result is one tensor"
    )
    return Note((name,), what, fix)


def _inherit(reading: Reading, node: ast.ClassDef, base: ast.Name, edits: Edits) -> None:
    edits.put(*reading.span(base), _BASE)
    edits.need(MODULE, _BASE)
    for part in walk(node):
        match part:
            case ast.Attribute(value=ast.Name(id="self"), attr=attr) if attr in _OF_CONFIG:
                edits.put(*reading.span(part), f"self.moe_config.{attr}")


def _is_shared(reading: Reading, base: ast.Name) -> bool:
    item = reading.file.imported(base.id)
    return item is not None and item.name == _SHARED


def _one_tensor(reading: Reading, made: set[str], edits: Edits) -> None:
    """Take the sum of the shared experts' result and the others' as done: it is."""
    attributes = {
        target.attr
        for node in reading.nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Attribute)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id in made
    }
    for node in reading.nodes:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=attr)),
            ) if attr in attributes:
                _sums(reading, name, reading.scope(node), edits)


def _sums(reading: Reading, name: str, scope: tuple[str, ...], edits: Edits) -> None:
    for node in reading.nodes:
        if reading.scope(node) != scope:
            continue
        match node:
            case ast.If(body=[ast.Return(value=value)], orelse=[ast.Return(value=other)]):
                alone = isinstance(other, ast.Name) and other.id == name
                if alone and value is not None and _is_sum(value, name):
                    edits.put(*reading.span(node), f"return {name}")
            case ast.BinOp() if _is_sum(node, name):
                edits.put(*reading.span(node), name)


def _is_sum(node: ast.expr, name: str) -> bool:
    """Tell `name[0] + name[1]`."""
    return ast.unparse(node) in {f"{name}[0] + {name}[1]", f"{name}[1] + {name}[0]"}


def _weights(reading: Reading, edits: Edits) -> None:
    """Name the experts' weights by the part of the layer that holds them."""
    for node in reading.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            start, end = reading.span(node)
            code = reading.text[start:end]
            new = _WEIGHTS.sub("experts.routed_experts.", code)
            if new != code:
                edits.put(start, end, new)


CODEMOD = Codemod(
    id="experts-class",
    summary=f"A class of experts inherits {_BASE}, and {_LAYER} makes the layer",
    since="0.24.0",
    instead=f"{_LAYER}(…, routed_experts_cls=…)",
    reference=f"{MODULE}.{_BASE}",
    risk="review",
    apply=_apply,
)
