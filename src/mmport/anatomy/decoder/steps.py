"""What a module's `forward` does, as a sequence of steps that two sources can be compared by."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any, Protocol

from mmport.anatomy.classes import Method, ModelClass, own_attribute
from mmport.anatomy.decoder.settled import UNSETTLED, settle

_FUNCTIONS = frozenset(
    {"softmax", "sigmoid", "tanh", "relu", "gelu", "silu", "softplus", "topk", "clamp", "chunk"}
)
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}
_FORMS = frozenset({"shape", "dtype", "device", "ndim"})
_ATTENTION = ("scaling", "softcap", "sliding_window", "s_aux", "sinks")
"""Arguments of the attention function that change what it computes."""

_INLINED = 3


class Subject(Protocol):
    """The module whose `forward` is read."""

    of: ModelClass
    scope: dict[str, Any]
    children: dict[str, str]


class _Reader:
    def __init__(self, subject: Subject, method: Method, depth: int = _INLINED) -> None:
        self.subject = subject
        self.method = method
        self.depth = depth
        parameters = [parameter.arg for parameter in method.parameters]
        self.flow = {name for name in parameters if name in {"inputs_embeds", "hidden_states", "x"}}
        if "inputs_embeds" not in parameters:
            self.flow |= set(parameters[:1])
        self.layers: set[str] = set()
        self.scope = dict(subject.scope) | _optional(method.node)

    def block(self, body: list[ast.stmt]) -> Iterator[str]:
        for node in body:
            yield from self.statement(node)

    def statement(self, node: ast.stmt) -> Iterator[str]:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                chosen = settle(test, self.scope)
                if chosen is UNSETTLED or chosen:
                    yield from self.block(body)
                if chosen is UNSETTLED or not chosen:
                    yield from self.block(orelse)
            case ast.For(target=target, iter=many, body=body):
                if any(
                    self.subject.children.get(own_attribute(part) or "") == "list"
                    for part in ast.walk(many)
                ):
                    self.layers |= {
                        part.id for part in ast.walk(target) if isinstance(part, ast.Name)
                    }
                yield from self.block(body)
            case ast.With(body=body) | ast.Try(body=body):
                yield from self.block(body)
            case ast.Assign(targets=targets, value=value):
                yield from self.assigned(targets, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from self.assigned([target], value)
            case ast.AugAssign(target=target, op=op, value=value):
                yield from self.expression(value)
                if self.flows(target) and type(op) in _OPERATORS:
                    yield self.operation(_OPERATORS[type(op)], value)
            case ast.Return(value=ast.expr() as value) | ast.Expr(value=value):
                yield from self.expression(value)

    def assigned(self, targets: list[ast.expr], value: ast.expr) -> Iterator[str]:
        yield from self.expression(value)
        flows = self.flows(value)
        for target in targets:
            for part in ast.walk(target):
                if isinstance(part, ast.Name):
                    (self.flow.add if flows else self.flow.discard)(part.id)
                    self.scope.pop(part.id, None)
        if len(targets) == 1 and isinstance(targets[0], ast.Name) and not flows:
            self.scope[targets[0].id] = settle(value, self.scope)

    def expression(self, node: ast.expr) -> Iterator[str]:
        """Give the steps of an expression, what is inside before what is around it."""
        match node:
            case ast.Call():
                yield from self.call(node)
            case ast.BinOp(left=left, op=op, right=right):
                yield from self.expression(left)
                yield from self.expression(right)
                if type(op) in _OPERATORS and (self.flows(left) or self.flows(right)):
                    other = right if self.flows(left) else left
                    yield self.operation(_OPERATORS[type(op)], other)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                chosen = settle(test, self.scope)
                for way in (
                    (body,)
                    if chosen is not UNSETTLED and chosen
                    else (orelse,)
                    if chosen is not UNSETTLED
                    else (body, orelse)
                ):
                    yield from self.expression(way)
            case ast.Subscript(value=value):
                yield from self.expression(value)
            case ast.Lambda() | ast.Constant() | ast.Name():
                return
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        yield from self.expression(child)

    def operation(self, sign: str, other: ast.expr) -> str:
        """Describe arithmetic with what flows; a setting is given by its value."""
        if self.flows(other):
            return sign
        value = settle(other, self.scope)
        return f"{sign} {_rounded(value)}"

    def call(self, node: ast.Call) -> Iterator[str]:
        name = ast.unparse(node.func).rpartition(".")[2]
        if isinstance(node.func, ast.Attribute) and own_attribute(node.func) is None:
            yield from self.expression(node.func.value)
        for argument in (*node.args, *(word.value for word in node.keywords)):
            yield from self.expression(argument)
        own = own_attribute(node.func)
        if own is not None and own in self.subject.children:
            if self.subject.children[own] not in {"plain", "through"}:
                yield own
        elif own is not None:
            yield from self.inlined(own)
        elif isinstance(node.func, ast.Name) and node.func.id in self.layers:
            yield "each layer"
        elif "rotary" in name and name.startswith("apply"):
            yield f"rotary in {self.rotary_style(name)}"
        elif name in {"attention_interface", "eager_attention_forward"}:
            yield self.attention(node)
        elif name in _FUNCTIONS and any(self.flows(item) for item in (node.func, *node.args)):
            yield name

    def inlined(self, name: str) -> Iterator[str]:
        method = self.subject.of.method(name)
        if method is not None and self.depth > 0:
            yield from _Reader(self.subject, method, self.depth - 1).block(method.node.body)

    def attention(self, node: ast.Call) -> str:
        settings = []
        for word in node.keywords:
            if word.arg in _ATTENTION:
                value = settle(word.value, self.scope)
                if value is not None:
                    settings.append(f"{word.arg}={_rounded(value)}")
        return f"attention({', '.join(sorted(settings))})"

    def rotary_style(self, name: str) -> str:
        """Tell whether a rotation pairs neighbours or the two halves of a head."""
        tree = self.subject.of.tree.module(self.method.module)
        texts = {
            node.name: ast.unparse(node)
            for node in (tree.body if tree else ())
            if isinstance(node, ast.FunctionDef)
        }
        text = texts.get(name, "")
        text += "".join(
            body for helper, body in texts.items() if helper != name and f"{helper}(" in text
        )
        return "pairs" if "::2" in text or "complex" in text else "halves"

    def flows(self, node: ast.AST) -> bool:
        """Tell whether an expression holds hidden states."""
        match node:
            case ast.Name(id=name):
                return name in self.flow
            case ast.Attribute(attr=name) if name in _FORMS:
                return False
            case ast.Call(func=func):
                own = own_attribute(func)
                if own is not None and self.subject.children.get(own) == "plain":
                    return False
                if isinstance(func, ast.Attribute) and func.attr in {
                    "size",
                    "get_seq_length",
                    "dim",
                }:
                    return False
                if self.subject.children.get(own or "", "through") != "through":
                    return True
        return any(self.flows(child) for child in ast.iter_child_nodes(node))


def steps_of(subject: Subject, forward: Method) -> tuple[str, ...]:
    """List what a `forward` does with hidden states."""
    steps = list(_Reader(subject, forward).block(forward.node.body))
    return tuple(_unordered(steps))


def _unordered(steps: list[str]) -> Iterator[str]:
    """Sort what comes between rotation and attention: queries and keys may take turns."""
    if not any(step.startswith("attention(") for step in steps):
        yield from steps
        return
    run: list[str] = []
    for step in steps:
        if step.startswith(("attention(", "rotary ")):
            yield from sorted(run)
            yield step
            run = []
        else:
            run.append(step)
    yield from sorted(run)


def _optional(node: ast.FunctionDef) -> dict[str, Any]:
    """Parameters that are None unless given, which the decoder's caller leaves out."""
    arguments = [*node.args.posonlyargs, *node.args.args]
    given = zip(reversed(arguments), reversed(node.args.defaults), strict=False)
    return {
        argument.arg: None
        for argument, default in given
        if isinstance(default, ast.Constant) and default.value is None
    }


def _rounded(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, int | float) else repr(value)
