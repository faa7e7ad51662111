"""Whether a processor changes more of a text than the placeholders in it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

_ALTERNATIVES = "|"


def changes_beside(methods: Iterable[ast.FunctionDef]) -> bool:
    """Tell whether methods change what stands beside an item in a text.

    They replace a token together with that, set an item's tokens off by white
    space, which a tokenizer may merge with that of the text, or cut the text in
    two and put a token between.
    """
    running = [
        method
        for method in methods
        if not method.name.startswith(("post_process", "batch_decode", "decode"))
    ]
    return any(
        any(map(_is_more_than_token, _replaced(method)))
        or any(_is_set_off(node) or _is_cut(node) for node in ast.walk(method))
        for method in running
    )


def _replaced(method: ast.FunctionDef) -> Iterator[ast.expr]:
    """Give what a method looks for in texts to put something else there."""
    patterns = dict(_compiled(method))
    for node in ast.walk(method):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr="sub"), args=[one, *_]):
                yield one
            case ast.Call(func=ast.Attribute(attr="replace"), args=[one, *_]):
                yield one
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="sub")):
                if name in patterns:
                    yield patterns[name]


def _compiled(method: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(method):
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Attribute(attr="compile"), args=[pattern, *_]),
            ):
                yield name, pattern


def _is_more_than_token(searched: ast.expr) -> bool:
    if not isinstance(searched, ast.JoinedStr) or len(searched.values) < 2:
        return False
    fixed = [one.value for one in searched.values if isinstance(one, ast.Constant)]
    about = [ast.unparse(one) for one in searched.values if isinstance(one, ast.FormattedValue)]
    return any("token" in one for one in about) and not any(
        _ALTERNATIVES in str(text) for text in fixed
    )


def _is_set_off(node: ast.AST) -> bool:
    """Tell whether a text has white space at both ends and tokens between."""
    match node:
        case ast.JoinedStr(
            values=[ast.Constant(value=str(first)), *tokens, ast.Constant(value=last)]
        ):
            about = [one for one in tokens if isinstance(one, ast.FormattedValue)]
            blank = not first.strip() and not str(last).strip()
            return blank and sum("token" in ast.unparse(one) for one in about) > 1
    return False


def _is_cut(node: ast.AST) -> bool:
    """Tell whether a text is put together anew: `text[:end] + token + text[end:]`."""
    match node:
        case ast.BinOp(
            left=ast.BinOp(
                left=ast.Subscript(value=ast.Name(id=text), slice=ast.Slice(lower=None)),
                right=token,
            ),
            right=ast.Subscript(value=ast.Name(id=same), slice=ast.Slice(upper=None)),
        ):
            return text == same and "token" in ast.unparse(token)
    return False
