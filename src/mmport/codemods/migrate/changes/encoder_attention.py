"""An encoder's own choice among attention kernels becomes vLLM's `MMEncoderAttention`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from mmport.codemods.migrate.backends import (
    FLASH,
    UPSTREAM_FLAG,
    asks,
    attributes,
    calls_of,
    own_names,
)
from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.dispatch import Dispatch, Kernel, dispatches
from mmport.codemods.migrate.editing import block, drop_statements
from mmport.codemods.migrate.heads import Heads, heads_of
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.whereabouts import home
from mmport.vllm_api.surface.stubs import FunctionNode

_LAYER = "MMEncoderAttention"
_MODULE = "vllm.model_executor.layers.attention"
_FIX = (
    f"make one {_LAYER}(num_heads, head_size, prefix=…) in the constructor, and call it with "
    "query, key, value of [batch, length, heads, size], cu_seqlens and max_seqlen"
)
_WIDTH = 88
_NAMES = ("attn", "encoder_attn", "mm_encoder_attn")


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.file.classes.values():
        known = attributes(reading, item)
        found = [
            (method, one)
            for name, method in item.methods.items()
            if name != "__init__"
            for one in dispatches(reading, method, known)
        ]
        for method, one in found:
            alone = one if len(found) == 1 else Dispatch(one.chain, None)
            _rewrite(reading, item, method, alone, known, edits)
    return edits


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a class comes to its attention: the constructor's part, and the call's."""

    init: FunctionNode
    place: ast.stmt
    attribute: str
    heads: Heads
    gone: tuple[ast.stmt, ...]


def _rewrite(
    reading: Reading,
    item: ModelClass,
    method: FunctionNode,
    found: Dispatch,
    known: set[str],
    edits: Edits,
) -> None:
    kernel = found.kernel
    plan = _plan(reading, item, found, known) if kernel is not None else None
    if kernel is None or kernel.bounds is None or plan is None:
        what = f"{item.name}.{method.name} picks an attention kernel in a way that is not followed"
        edits.notes.append(Note((item.name, method.name), what, _FIX))
        return
    _construct(reading, plan, kernel, edits)
    _call(reading, plan, kernel, found.chain, kernel.bounds, edits)
    drop_statements(reading, _useless(method, found), edits)
    edits.need(home(reading.after.names, _MODULE, _LAYER) or _MODULE, _LAYER)


def _plan(reading: Reading, item: ModelClass, found: Dispatch, known: set[str]) -> _Plan | None:
    init = item.methods.get("__init__")
    heads = heads_of(item, init) if init is not None else None
    free = [one for one in _NAMES if not item.own(one)]
    if init is None or heads is None or not free:
        return None
    gone = tuple(_detection(reading, item, init, found, known))
    place = gone[0] if gone else init.body[-1]
    ready = all(line < place.lineno for line in _made(init, heads))
    return _Plan(init, place if ready else init.body[-1], free[0], heads, gone)


def _made(init: FunctionNode, heads: Heads) -> list[int]:
    """Give the lines where the constructor sets what the new layer is made of."""
    names = {name for one in heads.read for name in own_names(one)}
    stored = (one for one in ast.walk(init) if isinstance(one, ast.Attribute))
    return [one.lineno for one in stored if isinstance(one.ctx, ast.Store) and one.attr in names]


def _detection(
    reading: Reading, item: ModelClass, init: FunctionNode, found: Dispatch, known: set[str]
) -> Iterator[ast.stmt]:
    """Give the constructor's statements that do nothing but find out about backends."""
    dead = _dead(reading, item, found, known | _handed(init))
    for node in init.body:
        if _sets_only(reading, node, dead):
            yield node


def _handed(init: FunctionNode) -> set[str]:
    """Name what is handed to the search for FlashAttention, and serves nothing else."""
    handed = (name for call in calls_of(init, FLASH) for name in own_names(call))
    return {UPSTREAM_FLAG, *handed}


def _dead(reading: Reading, item: ModelClass, found: Dispatch, known: set[str]) -> set[str]:
    """Leave those attributes that nothing asks for, once the branches are gone."""
    inside = {id(one) for one in ast.walk(found.chain)}
    init = item.methods["__init__"]
    inside |= {
        id(part)
        for node in init.body
        if _sets_only(reading, node, known)
        for part in ast.walk(node)
    }
    read = {
        one.attr
        for one in reading.nodes
        if isinstance(one, ast.Attribute)
        and isinstance(one.ctx, ast.Load)
        and id(one) not in inside
        and (_in_class(item, one) or not _is_self(one))
    }
    return known - read


def _in_class(item: ModelClass, node: ast.expr) -> bool:
    return item.node.lineno <= node.lineno <= (item.node.end_lineno or 0)


def _is_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "self"


def _sets_only(reading: Reading, node: ast.stmt, known: set[str]) -> bool:
    """Tell whether a statement sets attributes of some names, or asks for them, and that is all."""
    match node:
        case ast.Assign() | ast.AnnAssign():
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            stored = [
                one
                for target in targets
                for one in ast.walk(target)
                if isinstance(one, ast.Attribute | ast.Name) and isinstance(one.ctx, ast.Store)
            ]
            return bool(stored) and all(
                isinstance(one, ast.Attribute) and one.attr in known for one in stored
            )
        case ast.If():
            told = asks(reading, node.test, known)
            return all(
                (isinstance(one, ast.Raise | ast.Pass) and told) or _sets_only(reading, one, known)
                for one in (*node.body, *node.orelse)
            )
    return False


def _construct(reading: Reading, plan: _Plan, kernel: Kernel, edits: Edits) -> None:
    heads = plan.heads
    given = [f"num_heads={ast.unparse(heads.count)}", f"head_size={ast.unparse(heads.size)}"]
    if kernel.scale is not None and own_names(kernel.scale):
        given.append(f"scale={ast.unparse(kernel.scale)}")
    if heads.of_keys is not None:
        given.append(f"num_kv_heads={ast.unparse(heads.of_keys)}")
    if any(one.arg == "prefix" for one in (*plan.init.args.args, *plan.init.args.kwonlyargs)):
        given.append(f'prefix=f"{{prefix}}.{plan.attribute}"')
    code = f"self.{plan.attribute} = {_LAYER}(\n" + "".join(f"    {one},\n" for one in given) + ")"
    own = block(reading, plan.place, code)
    start, end = reading.span(plan.place)
    if plan.place in plan.gone:
        edits.put(start, end, own.lstrip())
    else:
        edits.put(end, end, f"\n{own}")
    drop_statements(reading, [one for one in plan.gone if one is not plan.place], edits)


def _call(
    reading: Reading, plan: _Plan, kernel: Kernel, chain: ast.If, lengths: ast.expr, edits: Edits
) -> None:
    bounds = reading.code(lengths)
    longest = reading.code(kernel.longest) if kernel.longest is not None else ""
    query, key, value = (reading.code(one) for one in kernel.heads)
    alone = ".unsqueeze(0)" if kernel.flat else ""
    given = {
        "query": f"{query}{alone}",
        "key": f"{key}{alone}",
        "value": f"{value}{alone}",
        "cu_seqlens": bounds,
        "max_seqlen": longest or f"({bounds}[1:] - {bounds}[:-1]).max()",
    }
    lines = "".join(f"    {name}={one},\n" for name, one in given.items())
    code = f"{kernel.result} = self.{plan.attribute}(\n{lines})"
    if kernel.flat:
        code += f"\n{kernel.result} = {kernel.result}.squeeze(0).flatten(1)"
    if kernel.folded:
        code += f"\n{_folded(reading, chain, kernel.result, edits)}"
    written = block(reading, chain, code).lstrip() + _after(reading, chain, kernel)
    edits.put(*reading.span(chain), written)


def _folded(reading: Reading, chain: ast.If, name: str, edits: Edits) -> str:
    """Write what the wrappers of the time did with the result by themselves."""
    whole = any(one.module == "einops" and not one.name for one in reading.file.imports)
    if not whole:
        edits.need("einops", "rearrange")
    function = "einops.rearrange" if whole else "rearrange"
    code = f'{name} = {function}({name}, "b s h d -> s b (h d)").contiguous()'
    if len(reading.indent(chain)) + len(code) <= _WIDTH:
        return code
    return f'{name} = {function}(\n    {name}, "b s h d -> s b (h d)"\n).contiguous()'


def _after(reading: Reading, chain: ast.If, kernel: Kernel) -> str:
    """Write what the followed branch does with the result, a level further out."""
    if not kernel.after:
        return ""
    first, last = kernel.after[0], kernel.after[-1]
    start = reading.line_start(reading.span(first)[0])
    code = reading.text[start : reading.span(last)[1]]
    extra = len(reading.indent(first)) - len(reading.indent(chain))
    rows = code.splitlines()
    return "\n" + "\n".join(row[extra:] if row[:extra].isspace() else row for row in rows)


def _useless(method: FunctionNode, found: Dispatch) -> list[ast.stmt]:
    """Find local names that the branches alone asked for."""
    kept = found.kernel.kept if found.kernel is not None else ()
    inside = {id(one) for one in ast.walk(found.chain)}
    inside -= {id(part) for one in kept for part in ast.walk(one)}
    loads = [
        one
        for one in ast.walk(method)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)
    ]
    asked = {one.id for one in loads if id(one) in inside}
    asked -= {one.id for one in loads if id(one) not in inside}
    return [node for node in method.body if _sets(node) in asked]


def _sets(node: ast.stmt) -> str:
    """Name the local variable that a statement sets, and nothing else."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
    return ""


CODEMOD = Codemod(
    id="encoder-attention",
    summary="An encoder's branches over attention backends become MMEncoderAttention",
    since="0.13.0",
    instead="MMEncoderAttention, which picks the kernel itself",
    reference="vllm.model_executor.layers.attention.MMEncoderAttention",
    risk="review",
    apply=_apply,
)
