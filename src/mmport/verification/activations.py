"""Compares what went into and came out of every aligned pair of modules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from mmport.model.evidence import Stage
from mmport.verification.alignment import Pair
from mmport.verification.captures import Call, Capture

if TYPE_CHECKING:
    from mmport.verification.judging import Array

MERGED = "merged embeddings"
POSITIONS = "position ids"
"""What is compared at the border of the language model, in place of a module's event."""


class Status(StrEnum):
    """What became of one comparison."""

    AGREES = "agrees"
    DIFFERS = "differs"
    REORDERED = "reordered"
    """The same rows in another order: right if what follows agrees."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two tensors compared; `figure`, `floor` and `bound` as in `ModuleFigure`."""

    status: Status
    figure: float | None
    floor: float | None
    bound: float | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One tensor at one pair of modules: what HF has there, and what vLLM has."""

    stage: Stage
    hf: str
    vllm: str
    kind: Literal["input", "output"]
    compared: Comparison
    hf_shape: tuple[int, ...]
    vllm_shape: tuple[int, ...]
    hf_caller: str
    vllm_caller: str
    subject: str = ""
    """`MERGED` or `POSITIONS`; empty for a module."""

    @property
    def status(self) -> Status:
        """What became of the comparison."""
        return self.compared.status


@dataclass(frozen=True, slots=True)
class Sides:
    """What both sides recorded of one scenario, and what is known of HF's modules.

    `variants` are further recordings of HF, in other arithmetic, by name.
    `decoder`, `embeddings` and `head` are paths of HF's modules.
    """

    hf: Capture
    vllm: Capture
    variants: dict[str, Capture]
    decoder: str
    embeddings: str
    head: str

    def stage_of(self, module: str) -> Stage:
        """The stage that a module of HF belongs to."""
        if module == self.embeddings:
            return Stage.MERGE
        if module == self.head:
            return Stage.LOGITS
        inside = module == self.decoder or module.startswith(f"{self.decoder}.")
        return Stage.DECODER if inside and self.decoder else Stage.ENCODER


Bound = Callable[[float | None], float]
"""The bound of a figure, from the noise floor where there is one."""


def compare_modules(sides: Sides, pairs: Sequence[Pair], bound: Bound) -> tuple[Event, ...]:
    """Compare all aligned modules, and what enters the language model.

    Returns:
        Events in the order in which HF computed the tensors.
    """
    timed: list[tuple[float, Event]] = []
    for pair in pairs:
        ours = sides.hf.by_module.get(pair.hf, [])
        theirs = sides.vllm.by_module.get(pair.vllm, [])
        for one, other in _matched(ours, theirs):
            timed += _pair_events(sides, pair, one, other, bound)
    timed += _border_events(sides, bound)
    return tuple(event for _, event in sorted(timed, key=lambda entry: entry[0]))


def _matched(
    ours: Sequence[Call], theirs: Sequence[Call]
) -> Iterator[tuple[list[Call], list[Call]]]:
    """Pair the calls of a module one for one; where the counts differ, take them together."""
    if not ours or not theirs:
        return
    if len(ours) == len(theirs):
        yield from (([one], [other]) for one, other in zip(ours, theirs, strict=True))
    else:
        yield list(ours), list(theirs)


def _pair_events(
    sides: Sides, pair: Pair, ours: list[Call], theirs: list[Call], bound: Bound
) -> Iterator[tuple[float, Event]]:
    for kind in ("input", "output"):
        expected, found = sides.hf.rows(ours, kind), sides.vllm.rows(theirs, kind)
        columns = _columns(pair, expected, found) if kind == "output" else None
        if expected is None or found is None:
            continue
        if kind == "output" and columns is None and not pair.alone:
            continue
        floor = _floor(sides, expected, ours, kind, columns[0] if columns else None)
        if columns is not None:
            expected, found = expected[:, columns[0]], found[:, columns[1]]
        compared = compare_rows(expected, found, floor, bound)
        yield (
            _written(ours[0], kind),
            Event(
                stage=sides.stage_of(pair.hf),
                hf=pair.hf,
                vllm=pair.vllm,
                kind="input" if kind == "input" else "output",
                hf_shape=_shape(ours[0], kind),
                vllm_shape=_shape(theirs[0], kind),
                hf_caller=ours[0].caller,
                vllm_caller=theirs[0].caller,
                compared=compared,
            ),
        )


def _written(call: Call, kind: str) -> float:
    """When a tensor was recorded: what a module holds inside gives its results before it does."""
    return float((call.inputs if kind == "input" else call.outputs)[kind].offset)


def _columns(pair: Pair, expected: Any, found: Any) -> tuple[list[int], list[int]] | None:
    """Which outputs of the two are the same, where rows of weights make outputs."""
    if expected is None or found is None or not pair.hf_rows:
        return None
    if expected.shape[-1] != pair.hf_size or found.shape[-1] < pair.vllm_size:
        return None
    return list(pair.hf_rows), list(pair.vllm_rows)


def _shape(call: Call, kind: str) -> tuple[int, ...]:
    value = (call.inputs if kind == "input" else call.outputs).get(kind)
    return value.shape if value else ()


def _floor(
    sides: Sides,
    expected: Array,
    calls: list[Call],
    kind: str,
    columns: list[int] | None = None,
    name: str = "",
) -> float | None:
    """By how much HF parts from itself in other arithmetic, at a tensor it gave as `expected`."""
    floors = []
    numbers = {call.call for call in calls}
    for variant in sides.variants.values():
        mine = variant.by_module.get(calls[0].module, [])
        found = variant.rows([call for call in mine if call.call in numbers], kind, name)
        if found is None or expected.shape != found.shape:
            continue
        pair = (expected, found) if columns is None else (expected[:, columns], found[:, columns])
        floors.append(relative_difference(*pair))
    return max(floors, default=None)


def _border_events(sides: Sides, bound: Bound) -> Iterator[tuple[float, Event]]:
    """Compare the embeddings and positions that enter the language model."""
    ours = sides.hf.by_module.get(sides.decoder, [])[:1]
    theirs = sides.vllm.by_module.get("", [])[:1]
    if not ours or not theirs:
        return

    def event(subject: str, expected: Array, found: Array, compared: Comparison) -> Event:
        return Event(
            stage=Stage.MERGE,
            hf=sides.decoder,
            vllm="",
            kind="input",
            compared=compared,
            hf_shape=tuple(expected.shape),
            vllm_shape=tuple(found.shape),
            hf_caller=ours[0].caller,
            vllm_caller=theirs[0].caller,
            subject=subject,
        )

    inner = sides.hf.calls[ours[0].begun :]
    entry = min((value.offset for one in inner for value in one.inputs.values()), default=0)
    name = "inputs_embeds"
    # The first API's classes are given ids: they merge by themselves, and hand it on.
    merged = next(([call] for call in sides.vllm.calls if name in call.inputs), theirs)
    expected, found = sides.hf.rows(ours, "input", name), sides.vllm.rows(merged, "input", name)
    if expected is not None and found is not None:
        floor = _floor(sides, expected, ours, "input", name=name)
        compared = compare_rows(expected, found[: len(expected)], floor, bound)
        yield (entry - 0.2, event(MERGED, expected, found, compared))
    wanted = _positions(sides.hf, inner, "position_ids")
    # A class may count otherwise than its engine: what it calls knows.
    within = [call for call in sides.vllm.calls if call.module]
    given = _positions(sides.vllm, [*within, *theirs], "positions")
    if wanted is not None and given is not None:
        compared = _compare_positions(wanted, given)
        yield (entry - 0.1, event(POSITIONS, wanted, given, compared))


def _positions(capture: Capture, calls: Sequence[Call], name: str) -> Array | None:
    """The first positions that a call was given: (axes, tokens)."""
    for call in calls:
        if name in call.inputs:
            value = capture.array(call.inputs[name])
            return value.reshape(-1, value.shape[-1])
    return None


def _compare_positions(expected: Array, found: Array) -> Comparison:
    """Compare as integers; an axis of its own for the text's positions is left out.

    One axis is as good as several equal ones.
    """
    import numpy as np

    found = found[:, : expected.shape[1]]
    if len(expected) > len(found) > 1:
        expected = expected[len(expected) - len(found) :]
    if len(expected) == 1 or len(found) == 1:
        expected, found = np.broadcast_arrays(expected, found)
    if expected.shape != found.shape:
        detail = f"shape {list(found.shape)}, expected {list(expected.shape)}"
        return Comparison(Status.UNKNOWN, None, 0.0, 0.0, detail)
    apart = np.abs(expected.astype(np.int64) - found.astype(np.int64))
    if not apart.any():
        return Comparison(Status.AGREES, 0.0, 0.0, 0.0)
    axis, place = (int(index) for index in np.argwhere(apart)[0])
    detail = (
        f"at token {place}, axis {axis}: {int(found[axis, place])}, "
        f"expected {int(expected[axis, place])}"
    )
    return Comparison(Status.DIFFERS, float(apart.max()), 0.0, 0.0, detail)


def compare_rows(expected: Array, found: Array, floor: float | None, bound: Bound) -> Comparison:
    """Compare two tensors as rows, by the largest difference over the largest value."""
    import numpy as np

    limit = float(bound(floor))
    if expected.shape != found.shape:
        detail = f"rows {list(found.shape)}, HF has {list(expected.shape)}"
        return Comparison(Status.UNKNOWN, None, floor, limit, detail)
    figure = relative_difference(expected, found)
    if figure <= limit:
        return Comparison(Status.AGREES, figure, floor, limit)
    apart = np.nan_to_num(np.abs(expected - found), nan=np.inf)
    place = np.unravel_index(int(apart.argmax()), apart.shape)
    scale = float(np.abs(expected[np.isfinite(expected)]).max(initial=0.0)) or 1.0
    rows = int((apart.max(axis=1) > limit * scale).sum())
    detail = (
        f"{rows} of {len(expected)} rows, most at {[int(index) for index in place]}: "
        f"{found[place]:.6g}, expected {expected[place]:.6g}"
    )
    status = Status.REORDERED if _same_rows(expected, found, limit) else Status.DIFFERS
    known = figure if np.isfinite(figure) else None
    return Comparison(status, known, floor, limit, detail)


def relative_difference(expected: Array, found: Array) -> float:
    """The largest absolute difference over the largest absolute value expected.

    What is infinite or no number in the same way on both sides is equal: masks
    are. Otherwise it is infinitely far.
    """
    import numpy as np

    if expected.size == 0:
        return 0.0
    odd = ~(np.isfinite(expected) & np.isfinite(found))
    if odd.any():
        same = np.where(odd, expected, 0.0), np.where(odd, found, 0.0)
        if not np.array_equal(*same, equal_nan=True):
            return float("inf")
        expected, found = np.where(odd, 0.0, expected), np.where(odd, 0.0, found)
    scale = float(np.abs(expected).max())
    return float(np.abs(expected - found).max()) / (scale or 1.0)


def _same_rows(expected: Array, found: Array, limit: float) -> bool:
    """Tell whether two tensors hold the same rows in another order."""
    import numpy as np

    if len(expected) < 2:
        return False
    # A projection that no symmetry of the data shares puts equal rows side by side.
    direction = np.cos(np.arange(expected.shape[1]) * 1.7 + 0.3)
    ours = expected[np.argsort(expected @ direction)]
    theirs = found[np.argsort(found @ direction)]
    return relative_difference(ours, theirs) <= limit


def by_layer(events: Sequence[Event]) -> dict[tuple[Stage, str], list[Event]]:
    """Group events by the layer that their module is in: the path up to its first index."""
    groups: dict[tuple[Stage, str], list[Event]] = defaultdict(list)
    for event in events:
        name = event.subject or layer_of(event.hf)
        groups[event.stage, name].append(event)
    return dict(groups)


def layer_of(module: str) -> str:
    """The path of the outermost numbered layer that a module is in, or its own path."""
    parts = module.split(".")
    for place, part in enumerate(parts):
        if part.isdigit():
            return ".".join(parts[: place + 1])
    return module
