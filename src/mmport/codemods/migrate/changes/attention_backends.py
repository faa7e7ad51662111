"""What is left of a choice among attention backends that vLLM makes by itself now."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.imports import Imported
from mmport.codemods.migrate.backends import (
    ENUMS,
    FLASH,
    PICK,
    UPSTREAM,
    calls_of,
    last_name,
    members,
)
from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import drop_items, drop_statements
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.surface.modules import PACKAGE
from mmport.vllm_api.surface.release import Bound

_REGISTRY = ("vllm.v1.attention.backends.registry", "vllm.attention.backends.registry")
_SIZES = ("head_dim", "head_size", "hidden_size_per_attention_head")


def _picks_flash(reading: Reading) -> Edits:
    """Drop `self.backend, self.function = maybe_get_vit_flash_attn_backend(self.backend, …)`."""
    edits = Edits()
    for node in reading.nodes:
        match node:
            case ast.Assign(
                targets=[ast.Tuple(elts=[backend, function])], value=ast.Call() as call
            ):
                if last_name(call.func) == FLASH and call.args:
                    same = ast.unparse(backend) == ast.unparse(call.args[0])
                    if same and not _is_read(reading, function):
                        drop_statements(reading, [node], edits)
    return edits


def _is_read(reading: Reading, target: ast.expr) -> bool:
    """Tell whether anything but an assignment names what a target does, by its last name."""
    return any(
        isinstance(one, ast.Attribute | ast.Name)
        and isinstance(one.ctx, ast.Load)
        and last_name(one) == last_name(target)
        and not (isinstance(one, ast.Name) and reading.file.imported(one.id))
        for one in reading.nodes
    )


def _asks_upstream(reading: Reading) -> Edits:
    """Drop what is done if the `flash-attn` package is there: vLLM brings its own."""
    edits = Edits()
    for node in reading.nodes:
        if isinstance(node, ast.If) and calls_of(node.test, UPSTREAM):
            if not node.orelse and all(_switches(reading, one) for one in node.body):
                drop_statements(reading, [node], edits)
            else:
                what = f"what is done if {UPSTREAM} holds is more than to pick a backend"
                fix = "do it without the question: vLLM brings its own FlashAttention"
                edits.notes.append(Note(reading.scope(node), what, fix))
    return edits


def _switches(reading: Reading, node: ast.stmt) -> bool:
    """Tell whether a statement picks a backend, or notes that it is another's kernel."""
    match node:
        case ast.Assign(value=ast.Constant(value=bool())):
            return True
        case ast.Assign(value=ast.Attribute() as value):
            return value in members(reading, value)
    return False


def _by_support(reading: Reading) -> Edits:
    """Give the size of a head and a type in place of `support_fa`."""
    edits = Edits()
    for call in reading.file.calls:
        if last_name(call.func) == PICK and any(one.arg == "support_fa" for one in call.keywords):
            size = _head_size(reading, call)
            if size:
                given = f"head_size={size}, dtype=torch.get_default_dtype()"
                start, end = reading.span(call.func)[1], reading.span(call)[1]
                edits.put(start, end, f"({given})")
                edits.imports.append(Imported("torch", "", "torch"))
            else:
                what = f"{PICK} wants head_size and dtype"
                fix = f"{PICK}(head_size=…, dtype=torch.get_default_dtype())"
                edits.notes.append(Note(reading.scope(call), what, fix))
    return edits


def _head_size(reading: Reading, call: ast.Call) -> str:
    """Find what the method that makes a call knows of the size of a head."""
    scope = reading.scope(call)
    item = reading.file.classes.get(scope[0]) if len(scope) == 2 else None
    for node in ast.walk(item.methods[scope[1]]) if item is not None else ():
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            named = last_name(node) in _SIZES and node.lineno < call.lineno
            if named:
                return ast.unparse(node)
    return ""


def _gone_members(reading: Reading) -> Edits:
    """Ask no more for backends that vLLM has no more."""
    edits = Edits()
    enum = _enum(reading)
    named = members(reading, reading.tree) if enum is not None else []
    lost = [one for one in named if enum and not reading.after.names.member(enum, one.attr)]
    done: set[ast.expr] = set()
    for node in reading.nodes if lost else ():
        done |= set(_without(reading, node, lost, edits))
    for one in lost:
        if one not in done:
            what = f"vLLM has no backend {one.attr} any more"
            edits.notes.append(Note(reading.scope(one), what, "leave out what is done for it"))
    return edits


def _enum(reading: Reading) -> Bound | None:
    found = (reading.after.names.find(module, ENUMS[1]) for module in _REGISTRY)
    return next((one for one in found if one is not None), None)


def _without(
    reading: Reading, node: ast.AST, lost: list[ast.Attribute], edits: Edits
) -> Iterator[ast.expr]:
    match node:
        case ast.Set(elts=items) | ast.List(elts=items) | ast.Tuple(elts=items):
            gone = [one for one in items if one in lost]
            if gone and len(gone) < len(items):
                drop_items(reading, items, gone, edits)
                yield from gone
        case ast.BoolOp(op=ast.Or(), values=values):
            yield from _operands(reading, values, lost, edits)
        case ast.If(test=test, orelse=orelse):
            name = _asked(test, lost)
            if name is not None and reading.text.startswith("elif", reading.span(node)[0]):
                _drop_branch(reading, node, edits)
                yield name
            elif name is not None and not orelse:
                drop_statements(reading, [node], edits)
                yield name


def _asked(test: ast.expr, lost: list[ast.Attribute]) -> ast.expr | None:
    """Find the member that a condition asks for, and nothing else: `backend == Enum.GONE`."""
    match test:
        case ast.Compare(ops=[ast.Eq() | ast.Is()], comparators=[one]) if one in lost:
            return one
    return None


def _operands(
    reading: Reading, values: list[ast.expr], lost: list[ast.Attribute], edits: Edits
) -> Iterator[ast.expr]:
    for place, value in enumerate(values):
        if (name := _asked(value, lost)) is not None and place:
            edits.put(reading.span(values[place - 1])[1], reading.span(value)[1], "")
            yield name


def _drop_branch(reading: Reading, branch: ast.If, edits: Edits) -> None:
    """Take an `elif` out, and leave what comes after it."""
    start = reading.line_start(reading.span(branch)[0])
    stop = reading.next_line(reading.span(branch.body[-1])[1])
    if not branch.orelse:
        stop = reading.span(branch.body[-1])[1]
        edits.put(start - _line_end(reading, start), stop, "")
        return
    edits.put(start, stop, "")


def _line_end(reading: Reading, start: int) -> int:
    """Measure the line end before a place."""
    return 2 if reading.text[max(start - 2, 0) : start] == "\r\n" else min(start, 1)


CODEMODS = (
    Codemod(
        id="vit-attention-backend",
        summary=f"{PICK} is given the size of a head in place of support_fa",
        since="0.11.1",
        instead=f"{PICK}(head_size, dtype)",
        reference=f"{PACKAGE}.model_executor.models.vision.{PICK}",
        risk="safe",
        apply=_by_support,
    ),
    Codemod(
        id="flash-attention-function",
        summary="No FlashAttention function is looked up for an encoder",
        since="0.13.0",
        instead="MMEncoderAttention, which has its own",
        reference=f"{PACKAGE}.model_executor.layers.attention.MMEncoderAttention",
        risk="safe",
        apply=_picks_flash,
    ),
    Codemod(
        id="upstream-flash-attention",
        summary="Nobody asks for the flash-attn package any more",
        since="0.13.0",
        instead="vLLM's own FlashAttention",
        reference=f"{PACKAGE}.model_executor.models.vision.{PICK}",
        risk="safe",
        apply=_asks_upstream,
    ),
    Codemod(
        id="gone-backends",
        summary="Backends that vLLM has no more are not asked for",
        since="0.13.0",
        instead="nothing",
        reference=f"{PACKAGE}.v1.attention.backends.registry.{ENUMS[1]}",
        risk="safe",
        apply=_gone_members,
    ),
)
