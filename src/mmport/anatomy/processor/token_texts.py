"""What a processor's tokens are called, worked out of its source and its settings."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from mmport.anatomy.classes import find_class, own_attribute
from mmport.anatomy.processor.searched import own_lineage
from mmport.core.source_tree import SourceTree

_TOKENS = ("extra_special_tokens", "model_specific_special_tokens")
"""Where a tokenizer's settings keep the tokens that it has names for."""


class TokenTexts:
    """The texts of a processor's tokens; nothing is run.

    Args:
        tree: where the processor's module is found.
        module: that defines the class.
        class_name: of the processor.
        settings: of the processor, its `processor_config.json`.
        tokenizer: the settings of its tokenizer, `tokenizer_config.json`.
    """

    def __init__(
        self,
        tree: SourceTree,
        module: str,
        class_name: str,
        settings: Mapping[str, Any],
        tokenizer: Mapping[str, Any],
    ) -> None:
        self._found = find_class(tree, module, class_name)
        self._settings = settings
        self._tokenizer = tokenizer

    def text(self, expression: str) -> str | None:
        """Work out an expression over the name `processor`; None where the source does not say."""
        return self._text(ast.parse(expression, mode="eval").body)

    def _text(self, node: ast.expr) -> str | None:
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._all([left, right])
            case ast.JoinedStr(values=values):
                return self._all(values)
            case ast.FormattedValue(value=value):
                return self._text(value)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                holds = self._holds(test)
                first = body if holds in (True, None) else orelse
                return self._text(first) or (self._text(orelse) if holds is None else None)
            case ast.Call():
                return self._called(node)
            case ast.Name(id=name):
                return self._named(name)
            case ast.Attribute(value=inner, attr="content"):
                return self._text(inner)
            case ast.Attribute(value=inner, attr=name):
                return self._of_tokenizer(name) if _is_tokenizer(inner) else self._own(inner, name)
        return None

    def _all(self, nodes: list[ast.expr]) -> str | None:
        texts = [self._text(node) for node in nodes]
        return None if None in texts else "".join(text for text in texts if text)

    def _called(self, node: ast.Call) -> str | None:
        match node:
            case ast.Call(func=ast.Name(id="AddedToken" | "str"), args=[first, *_]):
                return self._text(first)
            case ast.Call(
                func=ast.Name(id="getattr"),
                args=[holder, ast.Constant(value=str(name)), *default],
            ):
                known = self._text(ast.Attribute(value=holder, attr=name))
                return known or (self._text(default[0]) if default else None)
        return None

    def _own(self, holder: ast.expr, name: str) -> str | None:
        if not (isinstance(holder, ast.Name) and holder.id in ("self", "processor")):
            return None
        values = (self._text(value) for value in self._assigned.get(name, ()))
        return next((text for text in values if text is not None), None)

    def _named(self, name: str) -> str | None:
        """The text of a parameter of `__init__`, or of a constant of the module."""
        if name in self._parameters:
            given = _text_of(self._settings.get(name))
            default = self._parameters[name]
            return given or (self._text(default) if default is not None else None)
        module = self._found.tree.module(self._found.module) if self._found else None
        for node in module.body if module else ():
            match node:
                case ast.Assign(targets=[ast.Name(id=bound)], value=value) if bound == name:
                    return self._text(value)
        return None

    def _of_tokenizer(self, name: str) -> str | None:
        places = [self._tokenizer, *(self._tokenizer.get(key) for key in _TOKENS)]
        found = (_text_of(place.get(name)) for place in places if isinstance(place, Mapping))
        return next((text for text in found if text), None)

    @cached_property
    def _parameters(self) -> dict[str, ast.expr | None]:
        init = self._found.method("__init__") if self._found else None
        if init is None:
            return {}
        arguments = init.node.args
        without = len(arguments.args) - len(arguments.defaults)
        defaults: list[ast.expr | None] = [*[None] * without, *arguments.defaults]
        pairs = zip(arguments.args, defaults, strict=True)
        return {argument.arg: default for argument, default in pairs}

    @cached_property
    def _assigned(self) -> dict[str, list[ast.expr]]:
        """The values of the processor's attributes, as far as the tokenizer's settings lead."""
        found: dict[str, list[ast.expr]] = {}
        init = self._found.method("__init__") if self._found else None
        for item in own_lineage(self._found) if self._found else ():
            for node in item.node.body:
                match node:
                    case ast.Assign(targets=[ast.Name(id=name)], value=value):
                        found.setdefault(name, []).append(value)
        for target, value in self._run(init.node.body) if init else ():
            attribute = own_attribute(target)
            if attribute is not None:
                found.setdefault(attribute, []).insert(0, value)
        return found

    def _run(self, body: list[ast.stmt]) -> Iterator[tuple[ast.expr, ast.expr]]:
        for node in body:
            if isinstance(node, ast.If):
                holds = self._holds(node.test)
                yield from self._run(node.body) if holds is not False else ()
                yield from self._run(node.orelse) if holds is not True else ()
            elif isinstance(node, ast.Assign):
                yield from ((target, node.value) for target in node.targets)

    def _holds(self, test: ast.expr) -> bool | None:
        """Tell whether a test holds; None where the settings do not say."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                holds = self._holds(operand)
                return None if holds is None else not holds
            case ast.Call(
                func=ast.Name(id="hasattr"), args=[holder, ast.Constant(value=str(name))]
            ) if _is_tokenizer(holder):
                return self._of_tokenizer(name.removesuffix("_id")) is not None
        return None


def _is_tokenizer(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "tokenizer") or (
        isinstance(node, ast.Attribute) and node.attr == "tokenizer"
    )


def _text_of(value: object) -> str | None:
    """Read a token that is written as a string, or as an object with its `content`."""
    content = value.get("content") if isinstance(value, Mapping) else value
    return content if isinstance(content, str) and content else None
