"""How a model's `forward` makes features of its media and merges them with its text.

A value depends on media (pixels, audio), on text (ids, embeddings), on both or
on neither. Features are what depends on media alone and is then used together
with text. What computes them is a backward slice from there.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from mmport.anatomy.classes import Method, own_attribute
from mmport.anatomy.features.bindings import assigned_names, entry_of, keys
from mmport.anatomy.features.branches import linear
from mmport.anatomy.features.casts import FORMS, base_of, only_casts

TEXT = frozenset(
    {
        "input_ids",
        "attention_mask",
        "position_ids",
        "past_key_values",
        "inputs_embeds",
        "labels",
        "use_cache",
        "cache_position",
        "logits_to_keep",
        "num_logits_to_keep",
        "token_type_ids",
        "mm_token_type_ids",
        "moe_mm_token_type_ids",
        "per_layer_inputs",
        "rope_deltas",
        "head_mask",
    }
)
"""What HF's models call the inputs of their language models."""

BASE = "super()"
"""Stands for the class's own base where that is the language model."""

SWITCHES = frozenset(
    {
        "return_dict",
        "output_attentions",
        "output_hidden_states",
        "output_router_logits",
        "mm_encoder_outputs",
    }
)
_LIKE = frozenset({"to", "type_as", "expand_as", "view_as", "reshape_as"})
"""Methods whose arguments give a form and no values."""

_WALKS = frozenset({"enumerate", "zip", "iter", "reversed"})


@dataclass(frozen=True, slots=True)
class Merge:
    """Where media meet text: the expression that has the features, and the media it is made of.

    `before` is how many of the linear statements come before it.
    """

    expression: ast.expr
    media: frozenset[str]
    before: int


@dataclass(frozen=True, slots=True)
class HandedOn:
    """A call of a method of the class itself, with media and with text."""

    method: str
    call: ast.Call


@dataclass(slots=True)
class Flow:
    """What a method does, branch by branch for a prompt with media, and where they merge.

    `media` are its parameters that take media.
    """

    method: Method
    media: tuple[str, ...]
    statements: list[ast.stmt] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    handed_on: list[HandedOn] = field(default_factory=list)
    language_model: str = ""
    """The attribute of `self` that is called with the merged embeddings."""
    handed: ast.Call | None = None
    """That call; it is in the statement at `end`."""
    end: int = 0
    handed_beside: tuple[str, ...] = ()
    """What else it is given that the method makes itself."""


_VALUES_OF_TEXT = frozenset({"input_ids", "inputs_embeds", "token_type_ids", "mm_token_type_ids"})


_PLAIN = (TEXT | SWITCHES) - {"moe_mm_token_type_ids", "per_layer_inputs"}


def media_parameters(method: Method) -> tuple[str, ...]:
    """Name the parameters that take media: tensors that are not the language model's."""
    return tuple(
        parameter.arg
        for parameter in method.parameters
        if parameter.arg not in TEXT | SWITCHES and _may_be_tensor(parameter.annotation)
    )


def read_flow(
    method: Method,
    is_module: Callable[[str], bool],
    media: Sequence[str] | None = None,
    text: Iterable[str] = (),
) -> Flow:
    """Follow media through a method, as far as the call of the language model.

    Args:
        method: a `forward`, or what it hands media and text on to.
        is_module: tells whether an attribute of `self` is a module and no method.
        media: the parameters that take media; None: what is not the language model's.
        text: further parameters that take text.
    """
    flow = Flow(method, media_parameters(method) if media is None else tuple(media))
    flow.statements = list(linear(method.node.body, partial(_given, frozenset(flow.media))))
    reader = _Reader(flow, text)
    for place, statement in enumerate(flow.statements):
        reader.read(statement, place)
        flow.language_model = _language_model(statement, flow.media, is_module)
        if flow.language_model:
            flow.handed, flow.end = _handed(statement), place
            flow.handed_beside = _beside(flow.handed, flow.statements[:place])
            break
    return flow


def _handed(statement: ast.stmt) -> ast.Call | None:
    """Find the call that is given embeddings."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and any(one.arg == "inputs_embeds" for one in node.keywords):
            return node
    return None


def _beside(call: ast.Call | None, before: Sequence[ast.stmt]) -> tuple[str, ...]:
    """Name what the language model is given that no plain text model is, and that is made here."""
    assigned = set[str]().union(*map(assigned_names, before))
    return tuple(
        keyword.arg
        for keyword in (call.keywords if call is not None else ())
        if keyword.arg and keyword.arg not in _PLAIN
        if keyword.arg in TEXT or assigned & set(keys(keyword.value))
    )


def _given(media: frozenset[str], name: str) -> bool | None:
    """Tell what a prompt of ids with media gives: those, and nothing that is computed."""
    if name in media or name == "input_ids":
        return True
    return False if name in {"inputs_embeds", "labels", "past_key_values", *SWITCHES} else None


def slice_before(flow: Flow, merge: Merge) -> list[ast.stmt]:
    """Give the statements, in order, that a merge's expression is computed by."""
    before = set[str]().union(*map(assigned_names, flow.statements[: merge.before]))
    wanted = _made(keys(merge.expression), before)
    kept: list[ast.stmt] = []
    for statement in reversed(flow.statements[: merge.before]):
        assigned = assigned_names(statement)
        if not assigned & wanted or only_casts(statement) or not _depends(statement, flow.media):
            continue
        kept.append(statement)
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            wanted -= assigned
        wanted |= _made(_read_by(statement), before)
    return kept[::-1]


def _made(read: Iterable[str], assigned: set[str]) -> set[str]:
    """Take for an entry that nobody assigns the variable that it is of."""
    return {key if key in assigned else key.partition("[")[0] for key in read}


def _read_by(statement: ast.stmt) -> Iterator[str]:
    """Name what a statement reads; of what only gives its form, nothing is taken."""
    match statement:
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return _values(value)
    return _values(statement)


def _values(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=attr) if attr in FORMS and name in TEXT:
            return
        case ast.Name(id=name):
            yield name
        case ast.Subscript() if (entry := entry_of(node)) is not None:
            yield entry
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _values(child)


class _Reader:
    def __init__(self, flow: Flow, text: Iterable[str]) -> None:
        self._flow = flow
        self._media: dict[str, frozenset[str]] = {name: frozenset({name}) for name in flow.media}
        self._text = {*_VALUES_OF_TEXT, *text}

    def read(self, statement: ast.stmt, place: int) -> None:
        """Note what a statement's targets depend on, and whether media meet text in it."""
        media, text = self._media_of(statement), self._is_text(statement)
        if _is_check(statement) or (
            isinstance(statement, ast.Return) and not _calls_own(statement)
        ):
            return
        if media and text:
            self._merge(statement, place)
        targets = assigned_names(statement)
        for name in targets:
            if text:
                self._text.add(name)
                self._media.pop(name, None)
            elif media:
                self._media[name] = media
                self._text.discard(name)

    def _merge(self, statement: ast.stmt, place: int) -> None:
        for expression in self._outermost(statement):
            base = base_of(expression, frozenset(self._flow.media))
            media = self._media_of(base)
            if isinstance(base, ast.Call) and isinstance(base.func, ast.Name):
                base = base.args[0] if base.func.id in _WALKS and base.args else base
            if isinstance(base, ast.Name) and base.id in self._flow.media:
                self._hand_on(statement)
                continue  # sizes and the like, from which positions are computed
            if not any(
                ast.unparse(one.expression) == ast.unparse(base) for one in self._flow.merges
            ):
                self._flow.merges.append(Merge(base, media, place))

    def _hand_on(self, statement: ast.stmt) -> None:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and (name := own_attribute(node.func)):
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                media = any(isinstance(one, ast.Name) and self._media_of(one) for one in given)
                if media and any(isinstance(one, ast.Name) and self._is_text(one) for one in given):
                    self._flow.handed_on.append(HandedOn(name, node))

    def _outermost(self, node: ast.AST) -> Iterator[ast.expr]:
        """Give the largest expressions that depend on media and not on text."""
        if isinstance(node, ast.expr) and self._media_of(node) and not self._is_text(node):
            yield node.value if isinstance(node, ast.Starred) else node
            return
        children: Iterable[ast.AST] = ast.iter_child_nodes(node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            children = (node.func.value, *node.args, *node.keywords)
        for child in children:
            yield from self._outermost(child)

    def _media_of(self, node: ast.AST) -> frozenset[str]:
        match node:
            case ast.Attribute(attr=attr) if attr in FORMS:
                return frozenset()
            case ast.Compare() if _is_test(node):
                return frozenset()
            case ast.Name(id=name):
                return self._media.get(name, frozenset())
        entry = entry_of(node) if isinstance(node, ast.Subscript) else None
        if entry is not None and (entry in self._media or entry in self._text):
            return self._media.get(entry, frozenset())
        return frozenset().union(*(self._media_of(child) for child in ast.iter_child_nodes(node)))

    def _is_text(self, node: ast.AST) -> bool:
        """Tell whether a tree uses the values of text, and not only their form."""
        match node:
            case ast.Attribute(attr=attr) if attr in FORMS:
                return False
            case ast.Name(id=name):
                return name in self._text
            case ast.Call(func=ast.Attribute(attr="size" | "dim")):
                return False
            case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in _LIKE:
                return self._is_text(value)
        return any(self._is_text(child) for child in ast.iter_child_nodes(node))


def _language_model(
    statement: ast.stmt, media: Sequence[str], is_module: Callable[[str], bool]
) -> str:
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and (name := _called(node.func)) is not None:
            given = {keyword.arg for keyword in node.keywords}
            if "inputs_embeds" in given and not given & set(media) and is_module(name):
                return name
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"{BASE}.forward":
            given = {keyword.arg for keyword in node.keywords}
            if "inputs_embeds" in given and not given & set(media):
                return BASE
    return ""


def _called(function: ast.expr) -> str | None:
    """Name the attribute of `self` that is called, or that has what is: `self.x.model(…)`."""
    while own_attribute(function) is None:
        if not isinstance(function, ast.Attribute):
            return None
        function = function.value
    return own_attribute(function)


def _depends(statement: ast.stmt, media: Sequence[str]) -> bool:
    """Every statement may matter to a slice but one that only gives an input a default."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.IfExp()):
            return name not in media and name not in SWITCHES
    return True


def _calls_own(statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Call) and own_attribute(node.func) is not None
        for node in ast.walk(statement)
    )


def _is_check(statement: ast.stmt) -> bool:
    """Tell whether a statement only complains: it raises, or calls for nothing but an effect."""
    match statement:
        case ast.If(body=body, orelse=[]):
            return all(isinstance(one, ast.Raise) for one in body)
        case ast.Raise() | ast.Assert():
            return True
        case ast.Expr(value=ast.Call(func=ast.Name())):
            return True
    return False


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.Compare) and any(
        isinstance(op, ast.Is | ast.IsNot) for op in node.ops
    )


def _may_be_tensor(annotation: ast.expr | None) -> bool:
    return annotation is None or "Tensor" in ast.unparse(annotation)
