"""Texts that a processor's code puts together: what is written into them, and beside what."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.anatomy.classes import names, own_attribute, own_attributes


def appended(method: ast.FunctionDef) -> Iterator[ast.expr]:
    """Give what a method puts into lists one by one."""
    for node in ast.walk(method):
        match node:
            case ast.Call(func=ast.Attribute(attr="append"), args=[made]):
                yield made


def frames_text(made: ast.expr) -> bool:
    """Tell whether a value is a text, whole or cut in two, with a token of the tokenizer's."""
    if isinstance(made, ast.ListComp):
        made = made.elt
    pieces = list(_pieces(made))
    tokens = [piece for piece in pieces if isinstance(piece, ast.Attribute)]
    others = [piece for piece in pieces if not isinstance(piece, ast.Attribute | ast.Constant)]
    texts = [piece.value if isinstance(piece, ast.Subscript) else piece for piece in others]
    return (
        any(token.attr.endswith("_token") for token in tokens)
        and bool(texts)
        and all(isinstance(text, ast.Name) for text in texts)
    )


def _pieces(made: ast.expr) -> Iterator[ast.expr]:
    """Give the parts of a text that is put together."""
    match made:
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from _pieces(left)
            yield from _pieces(right)
        case ast.JoinedStr(values=values):
            for value in values:
                yield value.value if isinstance(value, ast.FormattedValue) else value
        case _:
            yield made


def unconditional_texts(method: ast.FunctionDef, token: str) -> Iterator[ast.expr]:
    """Give what is assigned in a method, but where a branch asks for the token first."""

    def walk(body: list[ast.stmt]) -> Iterator[ast.expr]:
        for node in body:
            if isinstance(node, ast.If):
                about = own_attributes(node.test) | names(node.test)
                asks = any(token in name.lower() for name in about)
                missing = "is None" in ast.unparse(node.test) or "not text" in ast.unparse(
                    node.test
                )
                if not asks:
                    yield from () if missing else walk(node.body)
                    yield from walk(node.orelse)
            elif isinstance(node, ast.For | ast.While | ast.With):
                yield from walk(node.body)
            elif isinstance(node, ast.Assign):
                yield node.value

    yield from walk(method.body)


def mixes(made: ast.expr, method: ast.FunctionDef) -> bool:
    """Tell whether a value is a text of the caller's with something put beside it."""
    if isinstance(made, ast.ListComp):
        target = names(made.generators[0].target)
        return isinstance(made.elt, ast.BinOp | ast.JoinedStr) and bool(target & names(made.elt))
    # Tokens that are encoded by themselves, and joined with the text's later.
    name = next(
        (
            target.id
            for node in ast.walk(method)
            if isinstance(node, ast.Assign) and node.value is made
            for target in node.targets
            if isinstance(target, ast.Name)
        ),
        None,
    )
    return name is not None and any(
        isinstance(node, ast.Call)
        and own_attribute(node.func) == "tokenizer"
        and any(isinstance(argument, ast.Name) and argument.id == name for argument in node.args)
        for node in ast.walk(method)
    )


def run_around(text: ast.JoinedStr, own: str) -> list[str]:
    """Names of the attributes of `self` that stand beside one, with nothing between."""
    runs: list[list[str]] = [[]]
    for part in text.values:
        name = own_attribute(part.value) if isinstance(part, ast.FormattedValue) else None
        if name is None:
            runs.append([])
        else:
            runs[-1].append(name)
    return next((run for run in runs if own in run), [])


def formatted(method: ast.FunctionDef) -> Iterator[ast.AST]:
    """Give what is put into texts: values in f-strings, arguments of `format` and `str`."""
    raised = {
        id(part)
        for node in ast.walk(method)
        if isinstance(node, ast.Raise)
        for part in ast.walk(node)
    }
    for node in ast.walk(method):
        if id(node) in raised:
            continue
        match node:
            case ast.FormattedValue(value=value):
                if not isinstance(value, ast.BinOp) or not isinstance(value.op, ast.Mult):
                    yield value
            case ast.Call(func=ast.Attribute(attr="format"), args=arguments):
                yield from arguments
            case ast.Call(func=ast.Name(id="str"), args=arguments):
                yield from arguments


def counters(method: ast.FunctionDef) -> set[str]:
    """Names that count in a method: by `enumerate`, `range` or by one more each time."""
    found: set[str] = set()
    for node in ast.walk(method):
        match node:
            case (
                ast.For(target=target, iter=ast.Call(func=ast.Name(id=function)))
                | ast.comprehension(target=target, iter=ast.Call(func=ast.Name(id=function)))
            ) if function in ("enumerate", "range"):
                first = target.elts[0] if isinstance(target, ast.Tuple) else target
                found |= names(first)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=ast.Constant(value=1)):
                found.add(name)
    return found
