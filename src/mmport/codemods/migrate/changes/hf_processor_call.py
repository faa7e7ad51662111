"""`_call_hf_processor` takes the media with the text among them, and options: two arguments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import drop_statements
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.surface.stubs import FunctionNode

NAME = "_call_hf_processor"
_PROCESSOR = "BaseMultiModalProcessor"
_DATA, _OPTIONS = "hf_data", "hf_kwargs"
_READS = {"get", "keys", "values", "items"}


@dataclass(frozen=True, slots=True)
class _Old:
    """The names that the old parameters have; `tok` is empty in releases that had none."""

    prompt: str
    data: str
    options: str
    tok: str = ""


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs(_PROCESSOR):
        method = item.methods.get(NAME)
        names = _old_names(method) if method else None
        if method is None or names is None:
            continue
        if method.args.vararg or method.args.kwarg:
            edits.notes.append(Note((item.name, NAME), _VAGUE, _FIX))
            continue
        _rewrite(reading, method, names, edits)
    return edits


def _bridge(reading: Reading) -> Edits:
    """Hand on what comes as it comes, where a method only looks at what HF's processor gave."""
    edits = Edits()
    for item in reading.heirs(_PROCESSOR):
        method = item.methods.get(NAME)
        names = _old_names(method) if method and not method.args.vararg else None
        if method is None or names is None:
            continue
        calls = [one for one in ast.walk(method) if _is_super_call(one)]
        if not _only_hands_on(method, names, calls):
            edits.notes.append(Note((item.name, NAME), _UNLIKE, _FIX))
            continue
        every = [*method.args.posonlyargs, *method.args.args]
        between = f",\n{' ' * every[1].col_offset}" if every[1].lineno != method.lineno else ", "
        start, end = reading.span(every[1])[0], reading.span(every[-1])[1]
        edits.put(start, end, f"*args: Any{between}**kwargs: Any")
        edits.need("typing", "Any")
        for call in calls:
            if isinstance(call, ast.Call):
                edits.put(*reading.span(call), f"super().{NAME}(*args, **kwargs)")
    return edits


def _only_hands_on(method: FunctionNode, names: _Old, calls: list[ast.AST]) -> bool:
    order = {"prompt": names.prompt, "mm_data": names.data, "mm_kwargs": names.options}
    order |= {"tok_kwargs": names.tok} if names.tok else {}
    for call in calls:
        given = _given(call) if isinstance(call, ast.Call) else {}
        if {key: getattr(one, "id", "") for key, one in given.items()} != order:
            return False
    inside = {id(part) for call in calls for part in ast.walk(call)}
    used = (one for one in ast.walk(method) if isinstance(one, ast.Name) and id(one) not in inside)
    defaults = method.args.defaults or method.args.kwonlyargs or method.args.kwarg
    return not defaults and not {one.id for one in used} & set(order.values())


_UNLIKE = (
    f"{NAME} is given (prompt, mm_data, mm_kwargs, tok_kwargs) before 0.29.0 and"
    f" ({_DATA}, {_OPTIONS}) from 0.31.0 on, and does more than hand them on"
)
_VAGUE = f"{NAME} takes arguments that cannot be told apart"
_FIX = f"write it as {NAME}(self, {_DATA}, {_OPTIONS}); the text is {_DATA}['text']"


def _old_names(method: FunctionNode) -> _Old | None:
    names = [one.arg for one in (*method.args.posonlyargs, *method.args.args)][1:]
    return _Old(*names) if len(names) in (3, 4) else None


def _rewrite(reading: Reading, method: FunctionNode, names: _Old, edits: Edits) -> None:
    dead = list(_text_only(method, names))
    gone = {id(part) for one in dead for part in ast.walk(one)}
    live = [part for part in ast.walk(method) if id(part) not in gone]
    calls = [part for part in live if _is_super_call(part)]
    inside = {id(part) for call in calls for part in ast.walk(call)} | gone
    direct = _only_reads(method, names, inside)
    _signature(reading, method, edits)
    for one in dead:
        _drop_branch(reading, one, names.data if direct else "", edits)
    for call in calls:
        if isinstance(call, ast.Call):
            _super_call(reading, call, names, direct, edits)
    kept = [part for part in live if id(part) not in inside]
    renamed = {names.options: _OPTIONS} | ({names.data: _DATA} if direct else {})
    _rename(reading, kept, renamed, edits)
    if names.tok:
        _without_tokenizer_options(reading, kept, names.tok, edits)
    if not direct:
        _prologue(reading, method, names, edits)
    _audios(reading, kept, edits)


def _signature(reading: Reading, method: FunctionNode, edits: Edits) -> None:
    """Write the parameters anew, one a line if they were."""
    every = [*method.args.posonlyargs, *method.args.args]
    first = every[1]
    start, end = reading.span(first)[0], reading.span(every[-1])[1]
    annotations = [
        f": {reading.code(one.annotation)}" if one.annotation else "" for one in every[2:4]
    ]
    broken = first.lineno != method.lineno
    between = f",\n{' ' * first.col_offset}" if broken else ", "
    text = f"{_DATA}{annotations[0]}{between}{_OPTIONS}{annotations[1]}"
    edits.put(start, end, text)


def _text_only(method: FunctionNode, names: _Old) -> Iterator[ast.If]:
    """Find branches for prompts without media: the release makes no call for those."""
    from_data = {names.data}
    for statement in method.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_of(value, from_data):
                from_data.add(name)
            case ast.If(test=ast.UnaryOp(op=ast.Not(), operand=operand), body=body, orelse=[]):
                value = operand.value if isinstance(operand, ast.NamedExpr) else operand
                if _is_of(value, from_data) and isinstance(body[-1], ast.Return):
                    yield statement


def _is_of(node: ast.expr, names: set[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in names
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="get" | "pop")):
            return name in names
    return False


def _drop_branch(reading: Reading, node: ast.If, renamed: str, edits: Edits) -> None:
    operand = node.test.operand if isinstance(node.test, ast.UnaryOp) else node.test
    if isinstance(operand, ast.NamedExpr):
        name, value = operand.target.id, reading.code(operand.value)
        value = _renamed(value, renamed, _DATA) if renamed else value
        value = value.replace("audios", "audio")
        start, end = reading.span(node)
        edits.put(start, end, f"{name} = {value}")
    else:
        drop_statements(reading, [node], edits)


def _renamed(code: str, name: str, new: str) -> str:
    """Give a name of a piece of code another name; others that hold it, and attributes, stay."""
    return re.sub(rf"(?<![\w.]){name}(?!\w)", new, code)


def _is_super_call(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name)):
            return name == NAME
    return False


def _only_reads(method: FunctionNode, names: _Old, inside: set[int]) -> bool:
    """Tell whether the media are only looked up by key, and the prompt only passed on."""
    harmless: set[int] = set()
    for part in ast.walk(method):
        match part:
            case ast.Attribute(value=ast.Name(id=name) as value, attr=attr) if name == names.data:
                harmless |= {id(value)} if attr in _READS - {"keys", "values", "items"} else set()
            case ast.Subscript(value=ast.Name(id=name) as value, ctx=ast.Load()):
                harmless |= {id(value)} if name == names.data else set()
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[ast.Name() as value]):
                harmless.add(id(value))
    used = (
        part
        for part in ast.walk(method)
        if isinstance(part, ast.Name) and id(part) not in inside | harmless
    )
    named = {part.id for part in used}
    passed = _passes_as_given(method, names, inside)
    return passed and not named & {names.data, names.prompt}


def _passes_as_given(method: FunctionNode, names: _Old, inside: set[int]) -> bool:
    """Tell whether the base's method is given prompt and media just as they came."""
    for part in ast.walk(method):
        if _is_super_call(part) and isinstance(part, ast.Call):
            given = _given(part)
            wanted = ("prompt", names.prompt), ("mm_data", names.data)
            for key, name in wanted:
                value = given.get(key)
                if not (isinstance(value, ast.Name) and value.id == name):
                    return False
    return True


def _given(call: ast.Call) -> dict[str, ast.expr]:
    order = ("prompt", "mm_data", "mm_kwargs", "tok_kwargs")
    given = dict(zip(order, call.args, strict=False))
    return given | {one.arg: one.value for one in call.keywords if one.arg}


def _super_call(reading: Reading, call: ast.Call, names: _Old, direct: bool, edits: Edits) -> None:
    given = _given(call)
    if {"prompt", "mm_data", "mm_kwargs"} - set(given):
        return
    prompt, data, options = (reading.code(given[key]) for key in ("prompt", "mm_data", "mm_kwargs"))
    options = _renamed(options, names.options, _OPTIONS)
    media = _DATA if direct else f"dict(text={prompt}, **{data})"
    start, end = reading.span(call)
    edits.put(start, end, f"super().{NAME}({media}, {options})")


def _rename(reading: Reading, parts: list[ast.AST], names: dict[str, str], edits: Edits) -> None:
    for part in parts:
        if isinstance(part, ast.Name) and part.id in names:
            edits.put(*reading.span(part), names[part.id])


def _without_tokenizer_options(
    reading: Reading, parts: list[ast.AST], tok: str, edits: Edits
) -> None:
    """Do without the tokenizer's options: the text is a dummy, which nothing truncates."""
    for part in parts:
        if isinstance(part, ast.Name) and part.id == tok and isinstance(part.ctx, ast.Load):
            edits.put(*reading.span(part), "{}")


def _prologue(reading: Reading, method: FunctionNode, names: _Old, edits: Edits) -> None:
    first = method.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        first = method.body[min(1, len(method.body) - 1)]
    indent = reading.indent(first)
    start = reading.line_start(reading.span(first)[0])
    edits.put(
        start,
        start,
        f"{indent}{names.data} = dict({_DATA})\n"
        f'{indent}{names.prompt} = {names.data}.pop("text")\n',
    )


def _audios(reading: Reading, parts: list[ast.AST], edits: Edits) -> None:
    """Recordings come under the key that HF's processors have for them."""
    for part in parts:
        if isinstance(part, ast.Constant) and part.value == "audios":
            start, end = reading.span(part)
            edits.put(start, end, reading.text[start:end].replace("audios", "audio"))


CODEMOD = Codemod(
    id="hf-processor-call",
    summary="_call_hf_processor takes (hf_data, hf_kwargs)",
    since="0.31.0",
    instead="hf_data has the media and the text; a prompt without media makes no call",
    reference="BaseMultiModalProcessor._call_hf_processor",
    risk="review",
    apply=_apply,
    serves="",
    bridge=_bridge,
)
