"""Prompt updates are made of token ids: texts are encoded."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import own_nodes, with_comments_above
from mmport.codemods.migrate.reading import Reading
from mmport.codemods.migrate.strings import Kind, Sorter
from mmport.vllm_api.surface.stubs import FunctionNode

_UPDATES = ("PromptReplacement", "PromptInsertion")
_ORDER = ("modality", "target")
_PROCESSING = "vllm.multimodal.processing"
_DETAILS = "PromptUpdateDetails"
_OF_IDS = ("from_seq", "select_token_id")
_HELPER = "_token_ids"
_TOKENIZER = "tokenizer"
_WIDTH = 88
_CODE = f'''def {_HELPER}(tokenizer, content):
    """Encode a text; token ids and details stay as they are."""
    if isinstance(content, str):
        return cached_encode(tokenizer, content, add_special_tokens=False)
    return content


'''


def _apply(reading: Reading) -> Edits:
    worker = _Worker(reading)
    for chain in _functions(reading.tree.body, ()):
        worker.function(chain)
    for node in reading.nodes:
        match node:
            case ast.Subscript(value=ast.Name(id=name) as value) if name == _DETAILS:
                # It is generic no more: there is one kind of sequence.
                worker.edits.put(reading.span(value)[1], reading.span(node)[1], "")
    worker.read_as_text()
    if worker.needs_helper and not _defines_helper(reading):
        _put_helper(reading, worker.edits)
    return worker.edits


def _functions(
    body: list[ast.stmt], above: tuple[FunctionNode, ...]
) -> Iterator[tuple[FunctionNode, ...]]:
    """Give every function with those around it, innermost first."""
    for node in body:
        if isinstance(node, FunctionNode):
            yield (node, *above)
            yield from _functions(node.body, (node, *above))
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, ())
        else:
            for name in ("body", "orelse", "finalbody"):
                yield from _functions(getattr(node, name, []) or [], above)


@dataclass
class _Worker:
    reading: Reading
    edits: Edits = field(default_factory=Edits)
    needs_helper: bool = False
    _done: set[int] = field(default_factory=set)
    _selecting: set[str] = field(default_factory=set)

    def function(self, chain: tuple[FunctionNode, ...]) -> None:
        sorter = Sorter(self.reading, chain)
        for node in own_nodes(chain[0]):
            match node:
                case ast.Call(func=ast.Name(id=name)) if name in _UPDATES:
                    self._update(node, name, sorter)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="select_text")):
                    if name == _DETAILS:
                        self._select(node, sorter)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="prefix")):
                    if name == "PromptIndexTargets" and node.args:
                        self._encode(node.args[0], sorter)
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)):
                    if name == _DETAILS and attr in _OF_IDS:
                        self._of_text(node, attr, sorter)

    def read_as_text(self) -> None:
        """Have what functions select be a text again where the file itself puts it into one."""
        for chain in _functions(self.reading.tree.body, ()) if self._selecting else ():
            sorter = Sorter(self.reading, chain)
            for node in own_nodes(chain[0]):
                match node:
                    case ast.Attribute(value=value, attr="full"):
                        if self._is_selected(value, sorter) and self._may(node, sorter):
                            code = f"{self._tokenizer(sorter)}.decode({self.reading.code(node)})"
                            self.edits.put(*self.reading.span(node), code)

    def _is_selected(self, node: ast.expr, sorter: Sorter) -> bool:
        match node:
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name)):
                return name in self._selecting
            case ast.Name(id=name):
                return any(
                    isinstance(one, ast.Call) and self._is_selected(one, sorter)
                    for one in sorter.values(name)
                )
        return False

    def _update(self, call: ast.Call, name: str, sorter: Sorter) -> None:
        content = "replacement" if name == _UPDATES[0] else "insertion"
        given = dict(zip((*_ORDER, content), call.args, strict=False))
        given |= {one.arg: one.value for one in call.keywords if one.arg}
        for key in ("target", content):
            if key in given:
                self._content(given[key], sorter)

    def _content(self, node: ast.expr, sorter: Sorter) -> None:
        """Have a target or content be token ids, or what gives some."""
        match node:
            case ast.Call(func=ast.Name(id="partial"), args=[first, *_]):
                self._content(first, sorter)
            case ast.Lambda(body=body):
                self._encode(body, sorter)
            case ast.Attribute(value=made, attr="__getitem__"):
                self._looked_up(node, made, sorter)
            case ast.Name(id=name) if self._is_function(name):
                self._returns(name, sorter)
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if self._is_function(name):
                self._returns(name, sorter)
            case ast.IfExp(body=body, orelse=orelse):
                self._content(body, sorter)
                self._content(orelse, sorter)
            case ast.Name(id=name) if functions := self._held(name, sorter):
                for one in functions:
                    self._content(one, sorter)
            case ast.Subscript(value=ast.Name(id=name)) if functions := self._held(name, sorter):
                for one in functions:
                    self._content(one, sorter)
            case _:
                self._encode(node, sorter)

    def _held(self, name: str, sorter: Sorter) -> list[ast.expr]:
        """Give the functions that a variable, or a dict in one, holds."""
        values = list(sorter.values(name))
        for value in list(values):
            match value:
                case ast.Dict(values=held):
                    values += held
                case ast.IfExp(body=body, orelse=orelse):
                    values += [body, orelse]
        return [one for one in values if self._gives_function(one)]

    def _gives_function(self, node: ast.expr) -> bool:
        match node:
            case ast.Call(func=ast.Name(id="partial")) | ast.Lambda():
                return True
            case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self._is_function(name)
        return False

    def _looked_up(self, node: ast.expr, made: ast.expr, sorter: Sorter) -> None:
        kind = sorter.kind(ast.Subscript(made, ast.Constant(0), ast.Load()))
        if kind is not Kind.IDS and self._may(node, sorter):
            code = self.reading.code(made)
            self._put(node, f"{code}[item_idx]", kind, sorter, "lambda item_idx: ")

    def _is_function(self, name: str) -> bool:
        return any(
            isinstance(node, FunctionNode) and node.name == name for node in self.reading.nodes
        )

    def _returns(self, name: str, sorter: Sorter) -> None:
        """Have what a function of the file gives be token ids."""
        for chain in _functions(self.reading.tree.body, ()):
            function = chain[0]
            if function.name == name and id(function) not in self._done:
                near = not sorter.functions[1:] or set(chain) & set(sorter.functions)
                if near or len(chain) == 1:
                    self._done.add(id(function))
                    inner = Sorter(self.reading, chain)
                    for node in own_nodes(function):
                        if isinstance(node, ast.Return) and node.value is not None:
                            self._encode(node.value, inner)

    def _encode(self, node: ast.expr, sorter: Sorter) -> None:
        match node:
            case ast.Call(func=ast.Name(id=name)) if name == _DETAILS:
                for one in node.keywords:
                    if one.arg == "full":
                        self._encode(one.value, sorter)
                return
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)):
                if name == _DETAILS and attr in _OF_IDS and node.args:
                    self._encode(node.args[0], sorter)
        kind = sorter.kind(node)
        if kind in (Kind.TEXT, Kind.UNKNOWN) and self._may(node, sorter):
            self._put(node, self.reading.code(node), kind, sorter)

    def _put(self, node: ast.expr, code: str, kind: Kind, sorter: Sorter, before: str = "") -> None:
        """Put the encoding of a text in the place of a node, broken where it is too long."""
        start, end = self.reading.span(node)
        line = self.reading.line_start(start)
        text = self._encoded(code, kind, sorter)
        rest = self.reading.text[end : self.reading.next_line(end)].rstrip()
        if start - line + len(f"{before}{text}{rest}") > _WIDTH or "\n" in code:
            text = self._broken(code, kind, sorter, self.reading.indent_of(node.lineno))
        self.edits.put(start, end, before + text)

    def _select(self, call: ast.Call, sorter: Sorter) -> None:
        """Select by the ids that a text is encoded to."""
        given = dict(zip(("seq", "embed_text"), call.args, strict=False))
        given |= {one.arg: one.value for one in call.keywords if one.arg}
        if set(given) != {"seq", "embed_text"} or not self._may(call, sorter):
            return
        parts = [
            self._part(call, given["seq"], sorter.kind(given["seq"]), sorter),
            self._part(call, given["embed_text"], Kind.TEXT, sorter),
        ]
        self._selecting.add(sorter.functions[0].name)
        self._made(call, "select_token_ids", parts)

    def _of_text(self, call: ast.Call, name: str, sorter: Sorter) -> None:
        """Have what is made of a text be made of its ids."""
        text = call.args[0] if call.args else None
        if text is not None and sorter.kind(text) is Kind.TEXT and self._may(call, sorter):
            parts = [self._part(call, text, Kind.TEXT, sorter)]
            parts += map(self.reading.code, call.args[1:])
            parts += map(self.reading.code, call.keywords)
            self._made(call, name, parts)

    def _made(self, call: ast.Call, name: str, parts: list[str]) -> None:
        """Put details in the place of a call, one argument a line."""
        outer = self.reading.indent_of(call.lineno)
        lines = [f"{_DETAILS}.{name}(", *(f"{outer}    {one}," for one in parts)]
        self.edits.put(*self.reading.span(call), "\n".join([*lines, f"{outer})"]))

    def _part(self, call: ast.Call, node: ast.expr, kind: Kind, sorter: Sorter) -> str:
        """Encode an argument of what `_made` writes, broken where it was."""
        code = self.reading.code(node)
        if "\n" not in code or kind is Kind.IDS:
            return self._encoded(code, kind, sorter)
        inner = f"{self.reading.indent_of(call.lineno)}    "
        deeper = inner.removeprefix(self.reading.indent_of(node.lineno))
        return self._broken(code.replace("\n", f"\n{deeper}"), kind, sorter, inner)

    def _encoded(self, code: str, kind: Kind, sorter: Sorter) -> str:
        if kind is Kind.IDS:
            return code
        name, arguments = self._call(code, kind, sorter)
        return f"{name}({', '.join(arguments)})"

    def _broken(self, code: str, kind: Kind, sorter: Sorter, outer: str) -> str:
        name, arguments = self._call(code, kind, sorter)
        inner = f"{outer}    "
        lines = [inner + one.replace("\n", "\n    ") for one in arguments]
        return "\n".join([f"{name}(", *(f"{one}," for one in lines), f"{outer})"])

    def _call(self, code: str, kind: Kind, sorter: Sorter) -> tuple[str, list[str]]:
        self.edits.need(_PROCESSING, "cached_encode")
        tokenizer = self._tokenizer(sorter)
        if kind is Kind.TEXT:
            return "cached_encode", [tokenizer, code, "add_special_tokens=False"]
        self.needs_helper = True
        return _HELPER, [tokenizer, code]

    def _tokenizer(self, sorter: Sorter) -> str:
        """Say how a method comes by the tokenizer; empty if it does not."""
        outermost = sorter.functions[-1]
        arguments = outermost.args.args
        item = self.reading.file.class_at(outermost.lineno)
        if item is None or not arguments or arguments[0].arg != "self":
            names = [one.arg for one in arguments]
            return _TOKENIZER if _TOKENIZER in names else ""
        family = self.reading.family(item)
        if "BaseProcessingInfo" in family:
            return self._local(outermost, "self.get_tokenizer()")
        if "BaseMultiModalProcessor" in family:
            return self._local(outermost, "self.info.get_tokenizer()")
        classes = (item, *self.reading.local_parents(item))
        known = any(_TOKENIZER in one.attributes for one in classes)
        return f"self.{_TOKENIZER}" if known else ""

    def _local(self, function: FunctionNode, made: str) -> str:
        """Give the variable that holds the tokenizer; it is set first where there is none."""
        first = function.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            first = function.body[min(1, len(function.body) - 1)]
        sets = [
            node
            for node in ast.walk(function)
            if isinstance(node, ast.Name)
            and node.id == _TOKENIZER
            and isinstance(node.ctx, ast.Store)
        ]
        if not sets:
            place = self.reading.line_start(self.reading.span(first)[0])
            line = f"{self.reading.indent(first)}{_TOKENIZER} = {made}\n"
            if all(change.text != line or change.start != place for change in self.edits.changes):
                self.edits.put(place, place, line)
            return _TOKENIZER
        early = [one for one in function.body[:4] if isinstance(one, ast.Assign)]
        known = any(ast.unparse(one) == f"{_TOKENIZER} = {made}" for one in early)
        return _TOKENIZER if known and len(sets) == 1 else made

    def _may(self, node: ast.expr, sorter: Sorter) -> bool:
        """Tell whether a tokenizer is at hand; say so if not."""
        if self._tokenizer(sorter):
            return True
        message = "a prompt update is made of text, and no tokenizer is at hand to encode it"
        fix = "give cached_encode(tokenizer, text, add_special_tokens=False)"
        self.edits.notes.append(Note(self.reading.scope(node), message, fix))
        return False


def _defines_helper(reading: Reading) -> bool:
    return any(isinstance(one, FunctionNode) and one.name == _HELPER for one in reading.tree.body)


def _put_helper(reading: Reading, edits: Edits) -> None:
    """Define the helper right above what first calls it, wherever others are defined."""
    used = min(one.start for one in edits.changes if f"{_HELPER}(" in one.text)
    caller = next(one for one in reading.tree.body if reading.span(one)[1] > used)
    place = with_comments_above(reading, reading.span(caller)[0])
    edits.put(place, place, _CODE)


CODEMOD = Codemod(
    id="token-updates",
    summary="Prompt updates are made of token ids: texts are encoded",
    since="0.29.0",
    instead="cached_encode(tokenizer, text, add_special_tokens=False)",
    reference="PromptReplacement, PromptInsertion, PromptUpdateDetails.select_token_ids",
    risk="review",
    apply=_apply,
    serves="0.8.0",
)
