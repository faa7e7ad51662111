"""What a causal-LM class does to its logits after the head, and where it keeps its decoder."""

from __future__ import annotations

import ast

from mmport.anatomy.classes import ModelClass, own_attributes

_LOGITS = "logits"
_HEAD = "lm_head"


def head_arithmetic(owner: ModelClass) -> tuple[str, ...]:
    """Name the settings by which a class changes its logits.

    From the source of its `forward`: what stands on the right of an assignment
    to `logits` and is no call. `logits * self.logit_scale` gives `logit_scale`,
    and so does a variable that was set to it.
    """
    forward = owner.method("forward")
    if forward is None:
        return ()
    known = _variables(forward.node)
    found: set[str] = set()
    for node in ast.walk(forward.node):
        match node:
            case ast.Assign(targets=targets, value=value) if _assigns_logits(targets):
                found |= _settings(value, known)
            case ast.AugAssign(target=target, value=value) if _assigns_logits([target]):
                found |= _settings(value, known)
    return tuple(sorted(found))


def leaves_head_to_part(owner: ModelClass) -> bool:
    """Tell whether a class takes its logits as a causal LM within it, or its base, makes them.

    From the source: its `forward` mentions no head of its own.
    """
    forward = owner.method("forward")
    heads = {_HEAD} | {
        name
        for name, value in owner.attributes()
        if isinstance(value, ast.Call) and "vocab_size" in ast.unparse(value)
    }
    return forward is not None and not own_attributes(forward.node) & heads


def decoder_attribute(owner: ModelClass, decoder: str) -> str | None:
    """Name the attribute in which a causal-LM class keeps its decoder, a class by its name."""
    for name, value in owner.attributes():
        built = owner.built(value)
        if built is not None and built.name == decoder:
            return name
    return None


def _variables(function: ast.FunctionDef) -> dict[str, set[str]]:
    """Map variables to the settings that they are set to."""
    known: dict[str, set[str]] = {}
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name != _LOGITS:
                pass
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                pass
            case _:
                continue
        if isinstance(value, ast.Attribute) and (found := _settings(value, {})):
            known[name] = found
    return known


def _assigns_logits(targets: list[ast.expr]) -> bool:
    return any(isinstance(item, ast.Name) and item.id == _LOGITS for item in targets)


def _settings(value: ast.expr, known: dict[str, set[str]]) -> set[str]:
    """Find what an expression takes from `self` and does not call, variables seen through."""
    called = {id(node.func) for node in ast.walk(value) if isinstance(node, ast.Call)}
    inner = {id(node.value) for node in ast.walk(value) if isinstance(node, ast.Attribute)}
    found = {
        node.attr
        for node in ast.walk(value)
        if isinstance(node, ast.Attribute)
        and id(node) not in called | inner
        and ast.unparse(node).startswith("self.")
    }
    for node in ast.walk(value):
        if isinstance(node, ast.Name):
            found |= known.get(node.id, set())
    return found
