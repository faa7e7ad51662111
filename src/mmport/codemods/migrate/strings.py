"""Whether an expression of a file is a text or token ids: by what it is made of, then by names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from mmport.codemods.migrate.editing import own_nodes
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.surface.stubs import FunctionNode

_IDS: Final = re.compile(r"(^|_)ids?(_|$)", re.IGNORECASE)
_TEXT: Final = re.compile(
    r"(^|_)(token|placeholder|pattern|text|str|string|context|prompt|sequence)$", re.IGNORECASE
)
_DEPTH: Final = 6


class Kind(Enum):
    """What an expression gives."""

    TEXT = "text"
    IDS = "ids"
    OTHER = "other"
    """A place in the prompt, details, or a function."""
    UNKNOWN = "unknown"


_PLAIN: Final = (Kind.TEXT, Kind.IDS)


@dataclass(frozen=True)
class Sorter:
    """Tells what expressions are, in the functions that they stand in, innermost first."""

    reading: Reading
    functions: tuple[FunctionNode, ...]

    def kind(self, node: ast.expr, depth: int = 0) -> Kind:
        """Tell what an expression gives."""
        if depth > _DEPTH:
            return Kind.UNKNOWN
        match node:
            case ast.Constant(value=str()) | ast.JoinedStr():
                return Kind.TEXT
            case ast.List() | ast.ListComp():
                return Kind.IDS
            case ast.BinOp(left=left, right=right):
                return self._either((left, right), depth)
            case ast.IfExp(body=body, orelse=orelse):
                return self._either((body, orelse), depth)
            case ast.Name(id=name):
                return self._named(name, depth)
            case ast.Attribute(attr=attr):
                return _by_name(attr)
            case ast.Subscript(value=value):
                return self._item(value, depth)
            case ast.Call():
                return self._call(node, depth)
        return Kind.UNKNOWN

    def _either(self, nodes: Sequence[ast.expr], depth: int) -> Kind:
        for node in nodes:
            found = self.kind(node, depth + 1)
            if found in _PLAIN:
                return found
        return Kind.UNKNOWN

    def _named(self, name: str, depth: int) -> Kind:
        for value in self.values(name):
            found = self.kind(value, depth + 1)
            if found is not Kind.UNKNOWN:
                return found
        for annotation in self._annotations(name):
            if annotation in ("str", "list[int]"):
                return Kind.TEXT if annotation == "str" else Kind.IDS
        return _by_name(name)

    def values(self, name: str) -> Iterator[ast.expr]:
        """Give what a name is set to, in the functions around and then in the module."""
        for scope in (*self.functions, self.reading.tree):
            found = False
            for part in ast.walk(scope) if scope in self.functions else scope.body:
                match part:
                    case ast.Assign(targets=[ast.Name(id=target)], value=value):
                        if target == name:
                            yield value
                            found = True
                    case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value):
                        if target == name:
                            yield value
                            found = True
            if found:
                return

    def _annotations(self, name: str) -> Iterator[str]:
        for function in self.functions:
            for one in (*function.args.args, *function.args.kwonlyargs):
                if one.arg == name and one.annotation is not None:
                    yield ast.unparse(one.annotation)
            for part in ast.walk(function):
                match part:
                    case ast.AnnAssign(target=ast.Name(id=target), annotation=annotation):
                        if target == name:
                            yield ast.unparse(annotation)

    def _item(self, value: ast.expr, depth: int) -> Kind:
        """Tell what is in a dict or list that the function makes."""
        if isinstance(value, ast.Name):
            for made in self.values(value.id):
                match made:
                    case ast.Dict(values=[first, *_]) | ast.List(elts=[first, *_]):
                        return self.kind(first, depth + 1)
                    case ast.ListComp(elt=first):
                        return self.kind(first, depth + 1)
            if "list[str]" in self._annotations(value.id):
                return Kind.TEXT
        return Kind.UNKNOWN

    def _call(self, node: ast.Call, depth: int) -> Kind:
        match node.func:
            case ast.Attribute(attr="join" | "format" | "decode" | "strip" | "replace"):
                return Kind.TEXT
            case ast.Attribute(attr="encode" | "tolist" | "convert_tokens_to_ids"):
                return Kind.IDS
            case ast.Name(id="cached_encode" | "_token_ids"):
                return Kind.IDS
            case ast.Attribute(value=ast.Name(id="PromptIndexTargets")):
                return Kind.OTHER
            case _ if self.is_details(node):
                return Kind.OTHER
            case ast.Attribute(attr=name) | ast.Name(id=name):
                return self._result(name, depth)
        return Kind.UNKNOWN

    @staticmethod
    def is_details(node: ast.Call) -> bool:
        """Tell a call that makes `PromptUpdateDetails`, by itself or by a class method."""
        match node.func:
            case ast.Name(id="PromptUpdateDetails"):
                return True
            case ast.Attribute(value=ast.Name(id="PromptUpdateDetails")):
                return True
        return False

    def _result(self, name: str, depth: int) -> Kind:
        """Tell what a function of the file gives: by what it returns, as annotations err."""
        for node in self.reading.nodes:
            if isinstance(node, FunctionNode) and node.name == name:
                written = ast.unparse(node.returns) if node.returns else ""
                if "PromptUpdateDetails" in written:
                    return Kind.OTHER
                made = [one for one in self._returned(node, depth) if one is not Kind.UNKNOWN]
                said = {"str": Kind.TEXT, "list[int]": Kind.IDS}.get(written, Kind.UNKNOWN)
                return made[0] if made else said
        return Kind.UNKNOWN

    def _returned(self, function: FunctionNode, depth: int) -> Iterator[Kind]:
        inner = Sorter(self.reading, (function,))
        for part in own_nodes(function):
            match part:
                case ast.Return(value=ast.Name(id=name)):
                    yield from (inner.kind(one, depth + 1) for one in inner.values(name))
                case ast.Return(value=ast.List() | ast.ListComp() | ast.JoinedStr() as made):
                    yield inner.kind(made, depth + 1)
                case ast.Return(value=ast.Call() as made) if inner.is_details(made):
                    yield Kind.OTHER


def _by_name(name: str) -> Kind:
    if _IDS.search(name):
        return Kind.IDS
    return Kind.TEXT if _TEXT.search(name) else Kind.UNKNOWN
