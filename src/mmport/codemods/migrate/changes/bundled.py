"""Hooks that are given one object where they were given its parts by themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import call_code, put_first
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.vllm_api.changes import BundledChange, changes
from mmport.vllm_api.surface.stubs import FunctionNode


@dataclass(frozen=True, slots=True)
class _Hook:
    """An override that takes the parts by themselves, its parameters in order."""

    change: BundledChange
    method: FunctionNode
    parameters: tuple[ast.arg, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.arg for one in self.parameters)

    @property
    def bundle(self) -> str:
        """The parameter that has the parts now."""
        return next(iter(self.change.into))

    def field(self, name: str) -> str:
        """The expression that gives what a parameter gave."""
        return f"{self.bundle}.{self.change.fields[name]}"


def _apply(reading: Reading, change: BundledChange) -> Edits:
    edits = Edits()
    for item in reading.heirs(change.owner):
        for name in change.names:
            method = item.methods.get(name)
            hook = _hook(method, change) if method else None
            if hook is not None:
                reason = _obstacle(reading, hook)
                if reason:
                    edits.notes.append(_note(item, hook, reason))
                else:
                    _rewrite(reading, hook, edits)
    return edits


def _note(item: ModelClass, hook: _Hook, reason: str) -> Note:
    taken = ", ".join((*hook.change.kept, *hook.change.into))
    told = ", ".join(
        f"{name} is {hook.field(name)}" for name in hook.names if hook.change.fields.get(name)
    )
    name = hook.method.name
    return Note((item.name, name), f"{name} {reason}", f"write it as {name}({taken}), where {told}")


def _hook(method: FunctionNode, change: BundledChange) -> _Hook | None:
    """Read an override; None if it takes nothing by itself that is in the object now."""
    args = method.args
    found = (*args.posonlyargs, *args.args, *args.kwonlyargs)[1:]
    old = set(change.fields) - set(change.into)
    return _Hook(change, method, found) if old & {one.arg for one in found} else None


def _obstacle(reading: Reading, hook: _Hook) -> str:
    """Say what keeps an override from following by its anatomy; empty if nothing does."""
    change, method = hook.change, hook.method
    unknown = set(hook.names) - set(change.fields) - set(change.kept)
    if method.args.vararg or method.args.kwarg or unknown:
        return f"takes what {hook.bundle} does not have by name"
    parts = list(ast.walk(method))
    used = {part.id for part in parts if isinstance(part, ast.Name)}
    if used & set(change.into):
        return f"has another {', '.join(sorted(used & set(change.into)))}"
    if method.body[0].lineno <= (method.args.args[-1].end_lineno or 0):
        return "stands on one line"
    calls = [part for part in parts if isinstance(part, ast.Call) and _is_sibling(part, hook)]
    if any(_starred(call) for call in calls):
        return "hands arguments on that cannot be told apart"
    if _needs_replace(hook, calls) and not change.named_tuple and _is_taken(reading, "replace"):
        return "needs replace of dataclasses, and the file has another"
    for name in hook.names:
        if name in hook.change.alike and not _reads_alike(reading, hook, name, calls):
            return f"reads {name}, and {hook.field(name)} is of another type"
        if not hook.change.fields.get(name, "kept") and _reads(method, name, calls):
            return f"reads {name}, which the release does not give"
    return ""


def _is_sibling(call: ast.Call, hook: _Hook) -> bool:
    """Tell a call of the base's method, or of another that takes the same object."""
    match call.func:
        case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
            return name in hook.change.names
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=name):
            return name in hook.change.names
    return False


def _starred(call: ast.Call) -> bool:
    return any(isinstance(one, ast.Starred) for one in call.args) or any(
        one.arg is None for one in call.keywords
    )


def _is_taken(reading: Reading, name: str) -> bool:
    """Tell whether a file binds a name to something that is not of dataclasses."""
    bound = {
        one.name
        for one in reading.nodes
        if isinstance(one, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }
    bound |= {
        one.id
        for one in reading.nodes
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }
    other = any(one.bound == name and one.module != "dataclasses" for one in reading.file.imports)
    return other or name in bound


def _reads(method: FunctionNode, name: str, calls: list[ast.Call]) -> list[ast.Name]:
    """Find where a parameter is read, but for handing it on as it came."""
    handed = {id(value) for call in calls for _, value in _by_place(call)}
    return [
        part
        for part in ast.walk(method)
        if isinstance(part, ast.Name)
        and part.id == name
        and isinstance(part.ctx, ast.Load)
        and id(part) not in handed
    ]


def _by_place(call: ast.Call) -> list[tuple[str, ast.expr]]:
    """Give the arguments of a call; those by place have no name."""
    return [
        *(("", one) for one in call.args),
        *((one.arg or "", one.value) for one in call.keywords),
    ]


def _reads_alike(reading: Reading, hook: _Hook, name: str, calls: list[ast.Call]) -> bool:
    """Tell whether all reads of a parameter mean the same of the object's attribute.

    Whether there is any, which kinds there are, and what the base makes of it.
    """
    fine: set[int] = set()
    for part in ast.walk(hook.method):
        match part:
            case ast.If(test=test) | ast.IfExp(test=test):
                fine |= _truths(test)
            case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[ast.Name() as value]):
                fine.add(id(value))
            case ast.Call() if ast.unparse(part) == hook.change.alike[name]:
                fine |= {id(one) for one in ast.walk(part)}
    reads = _reads(hook.method, name, calls)
    return all(id(one) in fine for one in reads) and name not in _stored(hook.method)


def _truths(test: ast.expr) -> set[int]:
    """Find the names in a condition that are asked for nothing but whether they are empty."""
    match test:
        case ast.Name():
            return {id(test)}
        case ast.BoolOp(values=values):
            return {found for one in values for found in _truths(one)}
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _truths(operand)
    return set()


def _stored(method: FunctionNode) -> set[str]:
    """Name what a method sets."""
    return {
        part.id
        for part in ast.walk(method)
        if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)
    }


def _needs_replace(hook: _Hook, calls: list[ast.Call]) -> bool:
    return any(_changed(hook, call) for call in calls)


def _changed(hook: _Hook, call: ast.Call) -> dict[str, ast.expr]:
    """Give what a call hands on otherwise than it came, by attribute of the object."""
    stored = _stored(hook.method)
    found: dict[str, ast.expr] = {}
    for place, (name, value) in enumerate(_by_place(call)):
        wanted = name or (hook.names[place] if place < len(hook.names) else "")
        same = isinstance(value, ast.Name) and value.id not in stored
        if same and isinstance(value, ast.Name) and value.id in hook.names:
            same = hook.change.fields.get(value.id) == hook.change.fields.get(wanted)
        else:
            same = False
        attribute = hook.change.fields.get(wanted, "")
        if attribute and not same:
            found[attribute] = value
    return found


def _rewrite(reading: Reading, hook: _Hook, edits: Edits) -> None:
    method = hook.method
    calls = [
        part for part in ast.walk(method) if isinstance(part, ast.Call) and _is_sibling(part, hook)
    ]
    for call in calls:
        _hand_on(reading, hook, call, edits)
    alike = _alike(reading, hook, edits)
    read = [
        name
        for name in hook.names
        if name not in hook.change.kept
        and any(id(one) not in alike for one in _reads_or_changes(hook, name, calls))
    ]
    told = [f"# {comment}" for comment in _comments(reading, hook)]
    head = told + [f"{name} = {hook.field(name)}" for name in read]
    if head:
        put_first(reading, method, "\n".join(head), edits)
    _parameters(reading, hook, edits)


def _reads_or_changes(hook: _Hook, name: str, calls: list[ast.Call]) -> list[ast.Name]:
    """Find the reads of a parameter, those of a changed one that is handed on among them."""
    found = _reads(hook.method, name, calls)
    for call in calls:
        for value in _changed(hook, call).values():
            found += [
                part for part in ast.walk(value) if isinstance(part, ast.Name) and part.id == name
            ]
    return found


def _alike(reading: Reading, hook: _Hook, edits: Edits) -> set[int]:
    """Put the object's attribute where a call made the same of a parameter."""
    done: set[int] = set()
    for name, code in hook.change.alike.items():
        for part in ast.walk(hook.method):
            if isinstance(part, ast.Call) and ast.unparse(part) == code:
                edits.put(*reading.span(part), hook.field(name))
                done |= {id(one) for one in ast.walk(part)}
    return done


def _hand_on(reading: Reading, hook: _Hook, call: ast.Call, edits: Edits) -> None:
    """Hand the object on, as it came or with what is other in it."""
    changed = _changed(hook, call)
    bundle = hook.bundle
    if changed:
        parts = ", ".join(f"{name}={reading.code(one)}" for name, one in changed.items())
        bundle = (
            f"{bundle}._replace({parts})"
            if hook.change.named_tuple
            else f"replace({bundle}, {parts})"
        )
        if not hook.change.named_tuple:
            edits.need("dataclasses", "replace")
    kept = [_kept(reading, hook, call, name) for name in hook.change.kept]
    given = [*kept, bundle, *list(hook.change.into)[1:]]
    edits.put(*reading.span(call), call_code(reading, call, reading.code(call.func), given))


def _kept(reading: Reading, hook: _Hook, call: ast.Call, name: str) -> str:
    for place, (keyword, value) in enumerate(_by_place(call)):
        if keyword == name or (not keyword and hook.names[place : place + 1] == (name,)):
            return reading.code(value)
    return name


def _parameters(reading: Reading, hook: _Hook, edits: Edits) -> None:
    """Write the parameters anew, one a line if they were."""
    method, change = hook.method, hook.change
    first, last = hook.parameters[0], hook.parameters[-1]
    start = reading.span(first)[0]
    if first in method.args.kwonlyargs:
        start = reading.text.rindex("*", 0, start)
    kept = [reading.code(one) for one in hook.parameters if one.arg in change.kept]
    new = [f"{name}: {_type(reading, path, edits)}" for name, path in change.into.items()]
    broken = first.lineno != method.args.args[0].lineno
    between = f",\n{' ' * first.col_offset}" if broken else ", "
    edits.put(start, _end(reading, method, last), between.join([*kept, *new]))


def _end(reading: Reading, method: FunctionNode, last: ast.arg) -> int:
    """Give where the last parameter ends, its default included."""
    args = method.args
    defaults: Sequence[ast.expr | None] = args.kw_defaults if args.kwonlyargs else args.defaults
    default = defaults[-1] if defaults else None
    return reading.span(default if default is not None else last)[1]


def _type(reading: Reading, path: str, edits: Edits) -> str:
    """Name a type, and import it."""
    module, _, name = path.rpartition(".")
    edits.need(module, name)
    return name


def _comments(reading: Reading, hook: _Hook) -> Iterator[str]:
    """Give the comments among the parameters, each with the name that it stands beside."""
    start = reading.span(hook.parameters[0])[0]
    end = reading.span(hook.method.body[0])[0]
    stop = reading.text.find("\n", _end(reading, hook.method, hook.parameters[-1]), end)
    rows = reading.text[reading.line_start(start) : stop if stop > 0 else end]
    for row in rows.splitlines():
        code, mark, comment = row.partition("#")
        name = code.strip().partition(":")[0].partition(",")[0]
        if mark:
            yield f"{name}: {comment.strip()}" if name.isidentifier() else comment.strip()


def _codemod(change: BundledChange) -> Codemod:
    names = ", ".join(change.names)
    bundle, path = next(iter(change.into.items()))
    return Codemod(
        id=change.id,
        summary=f"{names}: what came by itself comes in {bundle}",
        since=change.since,
        instead=f"{bundle}: {path.rpartition('.')[2]}",
        reference=f"{change.owner}.{change.names[0]}",
        risk="safe",
        apply=lambda reading: _apply(reading, change),
    )


CODEMODS = tuple(map(_codemod, changes().bundled))
