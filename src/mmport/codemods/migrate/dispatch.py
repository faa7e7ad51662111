"""A model's own choice among attention kernels: the branches, and what they have in common."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from mmport.codemods.migrate.backends import asks, calls_of, last_name
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk
from mmport.vllm_api.surface.stubs import FunctionNode

_VARLEN, _SDPA, _XFORMERS = (
    "flash_attn_varlen_func",
    "scaled_dot_product_attention",
    "memory_efficient_attention_forward",
)
_WRAPPED_FLASH, _WRAPPED_SDPA, _WRAPPED_XFORMERS = (
    "vit_flash_attn_wrapper",
    "vit_torch_sdpa_wrapper",
    "vit_xformers_attn_wrapper",
)
KERNELS = (_VARLEN, _SDPA, _XFORMERS, _WRAPPED_FLASH, _WRAPPED_SDPA, _WRAPPED_XFORMERS)
_PLAIN = {"dropout_p", "is_causal", "scale", "p", "attn_bias"}
"""What a kernel may be given that an encoder's attention does without, or does by itself."""

Body = list[ast.stmt]


@dataclass(frozen=True, slots=True)
class Kernel:
    """What a branch does: `result` is the attention of `heads`, which are query, key and value.

    `bounds` is where the sequences begin and end, `after` what the branch still does
    with the result. `folded` if the result is `s b (h d)` and not `b s h d`, `flat` if
    no dimension is the batch's, and heads are joined.
    """

    result: str
    heads: tuple[ast.expr, ...]
    bounds: ast.expr | None = None
    longest: ast.expr | None = None
    scale: ast.expr | None = None
    after: tuple[ast.stmt, ...] = ()
    folded: bool = False
    flat: bool = False

    @property
    def kept(self) -> tuple[ast.AST, ...]:
        """Give what of the branches is there afterwards."""
        asked = (self.bounds, self.longest, *self.heads, *self.after)
        return tuple(one for one in asked if one is not None)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The branches of a method over backends; `kernel` is None if they cannot be followed."""

    chain: ast.If
    kernel: Kernel | None


def dispatches(reading: Reading, method: FunctionNode, known: set[str]) -> Iterator[Dispatch]:
    """Find where a method picks an attention kernel by the backend."""
    inner: set[ast.AST] = set()
    for node in walk(method):
        if isinstance(node, ast.If) and node not in inner and asks(reading, node.test, known):
            inner |= set(walk(node))
            if calls_of(node, *KERNELS):
                yield Dispatch(node, _kernel([body for body in branches(node) if body]))


def branches(node: ast.If) -> list[Body]:
    """Give the bodies of an `if`, its `elif`s and its `else`."""
    rest = node.orelse
    if len(rest) == 1 and isinstance(rest[0], ast.If):
        return [node.body, *branches(rest[0])]
    return [node.body, rest]


def _kernel(bodies: list[Body]) -> Kernel | None:
    """Follow the branch that is told the plainest, and learn lengths and scale of the others."""
    flash = next(_calls(bodies, _VARLEN, _WRAPPED_FLASH), None)
    if flash is not None and not _is_plain_flash(flash):
        return None
    readers: tuple[Callable[[Body], Kernel | None], ...] = (_wrapped, _by_sequence, _xformers)
    found = next((made for read in readers for one in bodies if (made := read(one))), None)
    if found is None or flash is None:
        return found
    given = _given(flash)
    return replace(
        found,
        bounds=given.get("cu_seqlens_q", given.get("cu_seqlens", found.bounds)),
        longest=given.get("max_seqlen_q", given.get("max_seqlen")),
        scale=given.get("softmax_scale", found.scale),
    )


def _given(call: ast.Call) -> dict[str, ast.expr]:
    """Give what one of the wrappers is called with, by its names of the time."""
    given = dict(zip(("q", "k", "v", "cu_seqlens", "max_seqlen"), call.args, strict=False))
    return given | {one.arg: one.value for one in call.keywords if one.arg}


def _calls(bodies: list[Body], *names: str) -> Iterator[ast.Call]:
    yield from (one for body in bodies for node in body for one in calls_of(node, *names))


def _is_plain_flash(call: ast.Call) -> bool:
    """Tell whether FlashAttention is asked for nothing but lengths, a scale and no mask."""
    if last_name(call.func) == _WRAPPED_FLASH:
        return True
    given = {one.arg: one.value for one in call.keywords}
    lengths = {f"{name}_{side}" for name in ("cu_seqlens", "max_seqlen") for side in "qk"}
    causal = given.get("causal")
    return (
        set(given) <= lengths | {"dropout_p", "softmax_scale", "causal"}
        and (causal is None or (isinstance(causal, ast.Constant) and causal.value is False))
        and all(
            ast.unparse(given[f"{name}_q"]) == ast.unparse(given[f"{name}_k"])
            for name in ("cu_seqlens", "max_seqlen")
            if f"{name}_q" in given and f"{name}_k" in given
        )
    )


def _wrapped(body: Body) -> Kernel | None:
    """Read `x = vit_torch_sdpa_wrapper(q, k, v, cu_seqlens)`."""
    for place, node in enumerate(body):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=func) as call):
                given = _given(call) if last_name(func) == _WRAPPED_SDPA else {}
                if set(given) == {"q", "k", "v", "cu_seqlens"}:
                    heads = (given["q"], given["k"], given["v"])
                    after = tuple(body[place + 1 :])
                    return Kernel(name, heads, given["cu_seqlens"], after=after, folded=True)
    return None


def _xformers(body: Body) -> Kernel | None:
    """Read `x = memory_efficient_attention_forward(q, k, v, …)`."""
    for place, node in enumerate(body):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=func) as call):
                if last_name(func) == _XFORMERS and len(call.args) == 3 and _is_plain(call):
                    return Kernel(name, tuple(call.args), after=tuple(body[place + 1 :]))
    return None


def _is_plain(call: ast.Call) -> bool:
    return {one.arg for one in call.keywords} <= _PLAIN


def _by_sequence(body: Body) -> Kernel | None:
    """Read a loop that attends each sequence by itself, and joins what comes out."""
    loops = [one for one in body if isinstance(one, ast.For) and calls_of(one, _SDPA)]
    if len(loops) != 1:
        return None
    loop, call = loops[0], calls_of(loops[0], _SDPA)[0]
    slices = _slices(loop)
    heads = tuple(slices[one] for one in map(last_name, call.args) if one in slices)
    flat = all(not isinstance(one.slice, ast.Tuple) for one in heads)
    joined = _joined(body, loop, 0 if flat else 1)
    if len(heads) != 3 or joined is None or not _is_plain(call) or _folds(loop) != flat:
        return None
    place, name = joined
    return Kernel(
        name,
        tuple(one.value for one in heads),
        _bounds(loop),
        scale=next((one.value for one in call.keywords if one.arg == "scale"), None),
        after=tuple(body[place + 1 :]),
        flat=flat,
    )


def _slices(loop: ast.For) -> dict[str, ast.Subscript]:
    """Find what is cut out of which tensor: `q_i = q[:, start:end]`, or `q[start:end]`."""
    found: dict[str, ast.Subscript] = {}
    for node in walk(loop):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                for part in walk(value):
                    match part:
                        case ast.Subscript(
                            value=ast.Name(),
                            slice=ast.Slice(lower=ast.expr(), upper=ast.expr())
                            | ast.Tuple(elts=[ast.Slice(lower=None, upper=None), ast.Slice()]),
                        ):
                            found.setdefault(name, part)
    return found


def _joined(body: Body, loop: ast.For, dim: int) -> tuple[int, str] | None:
    """Find `x = torch.cat(outputs, dim=…)` behind a loop that appends to `outputs`."""
    lists = {ast.unparse(one.func).removesuffix(".append") for one in calls_of(loop, "append")}
    behind = body.index(loop) + 1
    for place, node in enumerate(body[behind:], behind):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                made = value.body if isinstance(value, ast.IfExp) else value
                match made:
                    case ast.Call(
                        args=[ast.Name(id=source)],
                        keywords=[ast.keyword(arg="dim", value=ast.Constant(value=where))],
                    ) if last_name(made.func) == "cat" and source in lists and where == dim:
                        return place, name
    return None


def _bounds(loop: ast.For) -> ast.expr | None:
    """Find what is measured for the number of sequences: `range(1, len(cu_seqlens))`."""
    found = calls_of(loop.iter, "len")
    return found[0].args[0] if found else None


_BACK = re.compile(
    r"rearrange\(\w+, 'b h s d -> b s h d ?'\)|\.permute\(0, 2, 1, 3\)|\.transpose\(1, 2\)"
)
_JOIN = re.compile(r"\.reshape\([^()]*, -1\)")


def _folds(loop: ast.For) -> bool | None:
    """Tell whether what a loop gives has its heads joined; None if it cannot be told."""
    call = calls_of(loop, _SDPA)[0]
    after = [one for one in loop.body if one.lineno > (call.end_lineno or 0)]
    words = " ".join(ast.unparse(one) for one in after)
    if len(_BACK.findall(words)) != 1:
        return None
    rest = _BACK.sub("", words)
    joins = len(_JOIN.findall(rest))
    moves = any(one in rest for one in ("rearrange", "permute", "transpose", "view", "flatten"))
    return None if moves or joins > 1 else joins == 1
