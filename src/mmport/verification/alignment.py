"""Which modules of the two sides are the same: those that hold the same weights."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Run = Sequence[int | str]
"""`[row, tensor, first, count]`, as `workers/weight_rows.py` says."""
Sources = Mapping[str, Sequence[Run]]


@dataclass(frozen=True, slots=True)
class Pair:
    """A module of HF and one of vLLM that hold a checkpoint's tensors in common.

    `hf_rows` and `vllm_rows` are the rows of their weights that are the same,
    one for one: a linear layer's outputs at these places are the same values.
    Where one side fuses several modules, it has a pair with each.
    """

    hf: str
    vllm: str
    hf_rows: tuple[int, ...]
    vllm_rows: tuple[int, ...]
    hf_size: int
    vllm_size: int
    """Rows of the whole weights, as far as they came from the checkpoint."""
    alone: bool
    """Neither of the two is in another pair."""


def align(hf: Sources, vllm: Sources) -> tuple[Pair, ...]:
    """Pair the modules of both sides by the tensors that their parameters are made of.

    Args:
        hf: by parameter of HF, the runs of rows that came from one tensor.
        vllm: the same of vLLM.
    """
    ours, theirs = _holders(hf), _holders(vllm)
    shared: dict[tuple[str, str], None] = {}
    for tensor in ours:
        if tensor in theirs:
            shared |= dict.fromkeys(_partners(ours[tensor], theirs[tensor]))
    counts = Counter(side for pair in shared for side in (("hf", pair[0]), ("vllm", pair[1])))
    return tuple(
        _pair(one, other, hf, vllm, counts["hf", one] == counts["vllm", other] == 1)
        for one, other in shared
    )


def owner(parameter: str) -> str:
    """The path of the module that a parameter belongs to."""
    return parameter.rpartition(".")[0]


def _holders(sources: Sources) -> dict[str, list[str]]:
    """Modules by the tensor that they hold, in part at least."""
    holders: dict[str, dict[str, None]] = defaultdict(dict)
    for parameter, runs in sources.items():
        for run in runs:
            holders[str(run[1])][owner(parameter)] = None
    return {tensor: list(modules) for tensor, modules in holders.items()}


def _partners(ours: Sequence[str], theirs: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Pair the holders of one tensor.

    Several on one side hold it together, each a part, or they are tied; tied
    ones on both sides are paired by their names.
    """
    if len(ours) == 1 or len(theirs) == 1:
        few, many = (ours, theirs) if len(ours) == 1 else (theirs, ours)
        best = sorted(many, key=lambda name: -_alike(few[0], name))
        chosen = best if _alike(few[0], best[0]) == _alike(few[0], best[-1]) else best[:1]
        return [(few[0], name) if few is ours else (name, few[0]) for name in chosen]
    pairs, left = [], list(theirs)
    for name in sorted(ours, key=lambda one: -max(_alike(one, other) for other in theirs)):
        if left:
            match = max(left, key=lambda other: _alike(name, other))
            left.remove(match)
            pairs.append((name, match))
    return pairs


def _alike(one: str, other: str) -> int:
    """Count equal components of two paths, from the end."""
    count = 0
    for ours, theirs in zip(reversed(one.split(".")), reversed(other.split(".")), strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _pair(hf: str, vllm: str, hf_sources: Sources, vllm_sources: Sources, alone: bool) -> Pair:
    """Match the rows of the two modules' weights, by the parameter that shares most."""
    ours = [runs for name, runs in hf_sources.items() if owner(name) == hf]
    theirs = [runs for name, runs in vllm_sources.items() if owner(name) == vllm]
    best = Pair(hf, vllm, (), (), 0, 0, alone)
    for one in ours:
        place_of = {key: row for row, key in _rows(one)}
        for other in theirs:
            same = [(place_of[key], row) for row, key in _rows(other) if key in place_of]
            if len(same) > len(best.hf_rows):
                rows = tuple(row for row, _ in same), tuple(row for _, row in same)
                best = Pair(hf, vllm, *rows, _end(one), _end(other), alone)
    return best


def _end(runs: Sequence[Run]) -> int:
    return max(int(row) + int(count) for row, _, _, count in runs)


def _rows(runs: Sequence[Run]) -> Iterable[tuple[int, tuple[str, int]]]:
    """Each row of a parameter with the tensor and the row in it that it came from."""
    for row, tensor, first, count in runs:
        for step in range(int(count)):
            yield int(row) + step, (str(tensor), int(first) + step)
