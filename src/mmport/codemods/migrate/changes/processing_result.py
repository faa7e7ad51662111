"""What processing gives is one result with the prompt in it, and vLLM applies all updates."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import block, call_code, drop_items, drop_statements
from mmport.codemods.migrate.reading import Placed, Reading
from mmport.usage.source import ModelClass
from mmport.vllm_api.surface.stubs import FunctionNode

_PROCESSOR = "BaseMultiModalProcessor"
_SOURCES = ("_apply_hf_processor", "_cached_apply_hf_processor")
_CACHED = "_cached_apply_hf_processor"
_UPDATES, _FLAG = "_maybe_apply_prompt_updates", "is_update_applied"
_PLACE = 4
"""Where the flag stands among the arguments."""
_FOUND = f"""
def {_UPDATES}(
    self,
    mm_items: MultiModalDataItems,
    mm_res: MultiModalProcessingResult,
) -> tuple[list[int], Mapping[str, list[PlaceholderFeaturesInfo]]]:
    mm_placeholders = self._find_mm_placeholders(
        mm_res.prompt_ids, mm_res.prompt_updates
    )
    self._validate_mm_placeholders(mm_placeholders, mm_items.get_all_counts())
    return mm_res.prompt_ids, mm_placeholders
"""


@dataclass(frozen=True, slots=True)
class _Triple:
    """`prompt_ids, mm_info, flag = super()._apply_hf_processor(…)`."""

    node: ast.Assign
    prompt: str
    info: str
    flag: str


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs(_PROCESSOR):
        for name, method in item.methods.items():
            triples = list(_triples(method))
            if name == _CACHED and _is_done_by_template(method, triples):
                _only_find(reading, item, method, edits)
                continue
            reason = _obstacle(name, method, triples)
            if reason:
                edits.notes.append(Note((item.name, name), reason, _FIX))
                continue
            if name == _UPDATES:
                _without_flag(reading, method, edits)
            if triples:
                _one_result(reading, method, triples[0], edits)
            if name in _SOURCES:
                _returns(reading, method, triples, edits)
    return edits


_FIX = (
    f"give one MultiModalProcessingResult; where updates are in the prompt already, "
    f"override {_UPDATES}(mm_items, mm_res), which finds them"
)


def _triples(method: FunctionNode) -> Iterator[_Triple]:
    for node in ast.walk(method):
        match node:
            case ast.Assign(
                targets=[
                    ast.Tuple(elts=[ast.Name(id=prompt), ast.Name(id=info), ast.Name(id=flag)])
                ],
                value=ast.Call(func=ast.Attribute(attr=name)),
            ) if name in _SOURCES:
                yield _Triple(node, prompt, info, flag)


def _body(method: FunctionNode) -> list[ast.stmt]:
    first = method.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return method.body[1:] if documented else method.body


def _is_done_by_template(method: FunctionNode, triples: list[_Triple]) -> bool:
    """Tell an override that says no more than that the prompt has its updates already."""
    match _body(method):
        case [
            ast.Assign(),
            ast.Return(
                value=ast.Tuple(
                    elts=[ast.Name(id=prompt), ast.Name(id=info), ast.Constant(value=True)]
                )
            ),
        ]:
            return [(one.prompt, one.info) for one in triples] == [(prompt, info)]
    return False


def _only_find(reading: Reading, item: ModelClass, method: FunctionNode, edits: Edits) -> None:
    """Find the updates in the prompt, which is what the flag asked for."""
    if item.own(_UPDATES):
        edits.notes.append(Note((item.name, method.name), f"{_CACHED} gives a flag", _FIX))
        return
    start, end = reading.span(method)
    rows = [row.strip() for row in reading.text[start:end].splitlines()]
    comments = [f"    {row}" for row in rows if row.startswith("#")]
    head, arrow, body = _FOUND.partition("PlaceholderFeaturesInfo]]]:\n")
    code = head + arrow + "".join(f"{one}\n" for one in comments) + body
    edits.put(start, end, block(reading, method, code).lstrip())
    edits.need("collections.abc", "Mapping")
    edits.need("vllm.multimodal.parse", "MultiModalDataItems")
    for name in ("MultiModalProcessingResult", "PlaceholderFeaturesInfo"):
        edits.need("vllm.multimodal.processing.processor", name)


def _obstacle(name: str, method: FunctionNode, triples: list[_Triple]) -> str:
    """Say what keeps a method from following; empty if nothing does."""
    if len(triples) > 1:
        return f"{name} processes more than once, and the results cannot be told apart"
    known = {(one.info, one.flag) for one in triples}
    for node in ast.walk(method):
        if name in _SOURCES and isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            match node.value.elts:
                case [_, ast.Name(id=info), ast.Constant(value=False)]:
                    fine = info in {one for one, _ in known}
                case [_, ast.Name(id=info), ast.Name(id=flag)]:
                    fine = (info, flag) in known
                case _:
                    fine = False
            if not fine:
                return f"{name} gives a prompt, information and a flag by themselves"
    return ""


def _without_flag(reading: Reading, method: FunctionNode, edits: Edits) -> None:
    """Do without the flag, which is never set any more."""
    arguments = method.args.args
    flag = next((one for one in arguments if one.arg == _FLAG), None)
    if flag is None:
        return
    drop_items(reading, arguments, [flag], edits)
    done: set[int] = set()
    for node in ast.walk(method):
        match node:
            case ast.If(test=ast.Name(id=name)) if name == _FLAG:
                _unwrap(reading, node, node.orelse, edits)
                done.add(id(node.test))
            case ast.If(test=ast.UnaryOp(op=ast.Not(), operand=ast.Name(id=name))) if name == _FLAG:
                _unwrap(reading, node, node.body, edits)
                done |= {id(one) for one in ast.walk(node.test)}
            case ast.Call(func=ast.Attribute(attr=name)) if name == _UPDATES:
                done |= _drop_flag(reading, node, edits)
    for node in ast.walk(method):
        if isinstance(node, ast.Name) and node.id == _FLAG and id(node) not in done:
            edits.put(*reading.span(node), "False")


def _drop_flag(reading: Reading, call: ast.Call, edits: Edits) -> set[int]:
    items: list[Placed] = [*call.args, *call.keywords]
    gone: list[Placed] = [one for one in call.keywords if one.arg == _FLAG]
    gone += call.args[_PLACE:]
    drop_items(reading, items, gone, edits)
    return {id(part) for one in gone for part in ast.walk(one)}


def _unwrap(reading: Reading, node: ast.If, kept: list[ast.stmt], edits: Edits) -> None:
    """Put a branch in the place of the condition that always takes it."""
    if not kept:
        drop_statements(reading, [node], edits)
        return
    first, last = kept[0], kept[-1]
    opens = reading.line_start(reading.span(first)[0])
    while reading.line_start(opens - 1) > reading.span(node)[0] and reading.text[
        reading.line_start(opens - 1) : opens
    ].strip().startswith("#"):
        opens = reading.line_start(opens - 1)
    text = reading.text[opens : reading.span(last)[1]]
    deeper = reading.indent(first)[len(reading.indent(node)) :]
    indent = reading.indent(node)
    rows = text.splitlines(keepends=True)
    code = "".join(
        indent + row.removeprefix(indent + deeper) if row.startswith(indent + deeper) else row
        for row in rows
    )
    start, end = reading.span(node)
    edits.put(reading.line_start(start), end, code.replace("\r\n", "\n"))


def _one_result(reading: Reading, method: FunctionNode, triple: _Triple, edits: Edits) -> None:
    """Take the one result, and the prompt out of it where that is asked for."""
    target = triple.node.targets[0]
    edits.put(*reading.span(target), triple.info)
    gone: set[int] = {id(part) for part in ast.walk(target)}
    for node in ast.walk(method):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == _UPDATES:
            if _hand_on(reading, method, node, triple, edits):
                gone |= {id(part) for part in ast.walk(node)}
            else:
                gone |= _drop_flag(reading, node, edits)
        if method.name in _SOURCES and isinstance(node, ast.Return):
            gone |= {id(part) for part in ast.walk(node)}
    read = {
        part.id
        for part in ast.walk(method)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and id(part) not in gone
    }
    given = {triple.prompt: f"{triple.info}.prompt_ids", triple.flag: "False"}
    rows = [f"{name} = {code}" for name, code in given.items() if name in read and name != "_"]
    end = reading.span(triple.node)[1]
    edits.put(end, end, "".join(f"\n{reading.indent(triple.node)}{row}" for row in rows))


def _is_set_again(method: FunctionNode, triple: _Triple, user: ast.AST) -> bool:
    """Tell whether the prompt is set anew, but for what its user gives."""
    own = {
        id(part)
        for node in ast.walk(method)
        if isinstance(node, ast.Assign)
        and (node is triple.node or any(part is user for part in ast.walk(node.value)))
        for target in node.targets
        for part in ast.walk(target)
    }
    return any(
        isinstance(part, ast.Name)
        and isinstance(part.ctx, ast.Store)
        and part.id == triple.prompt
        and id(part) not in own
        for part in ast.walk(method)
    )


def _hand_on(
    reading: Reading, method: FunctionNode, call: ast.Call, triple: _Triple, edits: Edits
) -> bool:
    """Hand the result on where a call takes it apart; the prompt may have changed meanwhile."""
    order = ("mm_items", "prompt_ids", "mm_kwargs", "mm_prompt_updates", _FLAG)
    given: dict[str, ast.expr] = dict(zip(order, call.args, strict=False))
    given |= {one.arg: one.value for one in call.keywords if one.arg}
    if set(order[:4]) - set(given):
        return False
    apart = (f"{triple.info}.kwargs", f"{triple.info}.prompt_updates")
    if tuple(ast.unparse(given[name]) for name in order[2:4]) != apart:
        return False
    same = getattr(given["prompt_ids"], "id", "") == triple.prompt
    result = triple.info
    if not same or _is_set_again(method, triple, call):
        result = f"{result}._replace(prompt_ids={reading.code(given['prompt_ids'])})"
    items = reading.code(given["mm_items"])
    code = call_code(reading, call, reading.code(call.func), (items, result))
    edits.put(*reading.span(call), code)
    return True


def _returns(reading: Reading, method: FunctionNode, triples: list[_Triple], edits: Edits) -> None:
    match method.returns:
        case ast.Subscript(slice=ast.Tuple(elts=[_, kind, _])) as given:
            edits.put(*reading.span(given), reading.code(kind))
    for node in ast.walk(method):
        match node:
            case ast.Return(value=ast.Tuple(elts=[prompt, ast.Name(id=info), _]) as value):
                triple = next(one for one in triples if one.info == info)
                same = getattr(prompt, "id", "") == triple.prompt
                if same and not _is_set_again(method, triple, node):
                    edits.put(*reading.span(value), info)
                else:
                    code = f"{info}._replace(prompt_ids={reading.code(prompt)})"
                    edits.put(*reading.span(value), code)


CODEMOD = Codemod(
    id="one-result",
    summary="Processing gives one result with the prompt in it, without a flag",
    since="0.31.0",
    instead="MultiModalProcessingResult(prompt_ids, kwargs, hashes, prompt_updates)",
    reference="BaseMultiModalProcessor._cached_apply_hf_processor",
    risk="review",
    apply=_apply,
)
