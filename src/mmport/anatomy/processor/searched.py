"""The tokens that a processor's code looks for in the texts that it is given."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from mmport.anatomy.classes import ModelClass, own_attribute
from mmport.core.source_tree import FoundClass
from mmport.model.spec import Modality

_WORDS: dict[Modality, tuple[str, ...]] = {
    "video": ("video", "frame"),
    "audio": ("audio", "sound", "speech"),
}
_HINTS = (
    "image",
    "img",
    "pic",
    "vis",
    "patch",
    "media",
    *(w for ws in _WORDS.values() for w in ws),
)
_WEIGHTS = {"replace": 8, "sub": 8, "escape": 6, "split": 6, "finditer": 4, "count": 2, "in": 2}
_REPLACING = 5
"""From this weight on, the text is cut or changed where the token stands."""
_ORDINARY = re.compile(r"(bos|eos|pad|unk|sep|cls|mask)_token$")
_TOKEN = re.compile(r"(?=.*[<>\[\]{}|])[^\s*?+\\]{3,}$")
"""What a literal must be like to be a token: a word in brackets of some kind."""
_DEPTH = 4
_LIBRARY, _MODELS = "transformers.", "transformers.models."

Function = ast.FunctionDef


@dataclass(frozen=True, slots=True)
class Searched:
    """A token that is looked for.

    `expression` is Python over the name `processor`; the greater the `weight`,
    the more is done where the token is found.
    """

    expression: str
    modality: Modality
    weight: int

    @property
    def replaced(self) -> bool:
        """Whether something else is put in its place."""
        return self.weight >= _REPLACING


def own_lineage(found: ModelClass) -> Iterator[FoundClass]:
    """Give a class and its bases, but not those that all of transformers' have."""
    for item in found.lineage:
        if not item.module.startswith(_LIBRARY) or item.module.startswith(_MODELS):
            yield item


def module_functions(found: ModelClass) -> tuple[Function, ...]:
    """Give the functions that stand beside a class."""
    module = found.tree.module(found.module)
    return tuple(node for node in module.body if isinstance(node, Function)) if module else ()


def searched_tokens(found: ModelClass, functions: Sequence[Function]) -> tuple[Searched, ...]:
    """Find the tokens that functions look for in texts, the most telling first.

    Of those that tell as much, the one that comes first in the source is first.

    Args:
        found: the processor's class.
        functions: its methods, and what else it calls.
    """
    best: dict[str, Searched] = {}
    reader = _Tokens(found, functions)
    for one in reader.all():
        before = best.get(one.expression)
        if before is None or before.weight < one.weight:
            best[one.expression] = one
    return tuple(sorted(best.values(), key=lambda one: -one.weight))


class _Tokens:
    """Tokens in the functions of a processor, written in terms of it."""

    def __init__(self, found: ModelClass, functions: Sequence[Function]) -> None:
        self.found = found
        self.functions = functions

    def all(self) -> Iterator[Searched]:
        """Give each token that is looked for, as often as it is."""
        for function in self.functions:
            if function.name == "__init__" or function.name.startswith("post_process"):
                continue
            for node, weight in _searches(function):
                for expression in self._expressions(node, function, _DEPTH):
                    hint = any(word in expression.lower() for word in _HINTS)
                    # A literal may be a mark of the code's own, set and taken away again.
                    literal = not expression.startswith("processor.")
                    told = weight + hint - 2 * literal
                    yield Searched(expression, modality_of(expression), told)

    @cached_property
    def _attributes(self) -> dict[str, ast.expr]:
        """The values of the processor's attributes, set in its class or when it is made."""
        found: dict[str, ast.expr] = {}
        for item in own_lineage(self.found):
            found = {**dict(_bound(item.node.body)), **found}
        return {**found, **dict(self.found.attributes())}

    @cached_property
    def _constants(self) -> dict[str, ast.expr]:
        module = self.found.tree.module(self.found.module)
        return dict(_bound(module.body)) if module else {}

    @cached_property
    def _defaults(self) -> dict[str, ast.expr]:
        """The default values of what a processor is made with."""
        init = self.found.method("__init__")
        if init is None:
            return {}
        arguments = init.node.args
        named = arguments.args[len(arguments.args) - len(arguments.defaults) :]
        return {
            argument.arg: value for argument, value in zip(named, arguments.defaults, strict=True)
        }

    def _expressions(self, node: ast.expr, function: Function, depth: int) -> Iterator[str]:
        """Write a token in terms of the processor; nothing for what is no token."""
        match node:
            case ast.Constant(value=str(text)) if _TOKEN.match(token := _unescaped(text)):
                yield repr(token)
            case ast.Call(func=ast.Attribute(attr="escape" | "compile"), args=[inner, *_]):
                yield from self._expressions(inner, function, depth)
            case ast.JoinedStr(values=values):
                for value in values:
                    if isinstance(value, ast.FormattedValue):
                        yield from self._expressions(value.value, function, depth)
            case ast.Attribute(value=inner, attr="content"):
                for found in self._expressions(inner, function, depth):
                    yield f"{found}.content"
            case ast.Attribute(value=inner, attr=name) if own_attribute(inner) == "tokenizer":
                if "token" in name and not _ORDINARY.search(name):
                    yield f"processor.tokenizer.{name}"
            case ast.Attribute(attr=name) if own_attribute(node) is not None:
                yield from self._of_attribute(name, depth)
            case ast.Name(id=name) if depth:
                yield from self._of_name(name, function, depth - 1)

    def _of_attribute(self, name: str, depth: int) -> Iterator[str]:
        value = self._attributes.get(name)
        pattern = isinstance(value, ast.Call) and getattr(value.func, "attr", "") == "compile"
        if pattern and value is not None and depth:
            yield from self._expressions(value, self._init, depth - 1)
        elif _ORDINARY.search(name) or name.endswith(("_id", "_ids")):
            return
        elif "token" in name or (value is not None and self._is_token(value)):
            yield f"processor.{name}"

    def _is_token(self, value: ast.expr) -> bool:
        if isinstance(value, ast.Name):
            value = self._defaults.get(value.id) or self._constants.get(value.id) or value
        return isinstance(value, ast.Constant) and bool(_TOKEN.match(str(value.value)))

    def _of_name(self, name: str, function: Function, depth: int) -> Iterator[str]:
        local = dict(_bound(ast.walk(function)))
        parameters = [argument.arg for argument in function.args.args if argument.arg != "self"]
        if name in local:
            yield from self._expressions(local[name], function, depth)
        elif name in parameters:
            for caller in self.functions:
                for value in _given(caller, function.name, name, parameters.index(name)):
                    yield from self._expressions(value, caller, depth)
        elif name in self._constants:
            yield from self._expressions(self._constants[name], function, depth)

    @property
    def _init(self) -> Function:
        init = self.found.method("__init__")
        return init.node if init else self.functions[0]


def _unescaped(text: str) -> str:
    """Take off what only a pattern needs around a token and before its brackets."""
    return re.sub(r"\\(?=\W)", "", text.strip("()"))


def _given(caller: Function, name: str, parameter: str, place: int) -> Iterator[ast.expr]:
    """What a function passes to another for a parameter."""
    for node in ast.walk(caller):
        match node:
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if called == name:
                yield from (word.value for word in node.keywords if word.arg == parameter)
                yield from node.args[place : place + 1]


def _searches(function: Function) -> Iterator[tuple[ast.expr, int]]:
    for node in ast.walk(function):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=name), args=[first, *_]):
                if name in _WEIGHTS:
                    yield first, _WEIGHTS[name]
            case ast.Call(func=ast.Attribute(value=text, attr=name), args=[first, *_]):
                if name in _WEIGHTS:
                    yield first, _WEIGHTS[name]
                    # A pattern of its own, compiled before: the text is the argument.
                    if isinstance(text, ast.Attribute):
                        yield text, _WEIGHTS[name]
            case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()]):
                yield left, _WEIGHTS["in"]


def modality_of(expression: str) -> Modality:
    """Tell by its words what a name or token is about; an image where no word says otherwise."""
    lowered = expression.lower()
    for modality, words in _WORDS.items():
        if any(word in lowered for word in words):
            return modality
    return "image"


def _bound(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
