"""The noise floor: by how much HF parts from itself, on the prompts that are compared.

What HF answers in a finer dtype tells its own rounding. Another attention of HF's
is a second right implementation, if it is right: some leave things out (a
softcap), so it is first held to what the finer dtype says, as a port is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmport.model.evidence import Measurement, NoiseVariant, Stage
from mmport.verification.bounds import EPS, Bounds, Floors, make_bounds
from mmport.verification.cases import Scenario
from mmport.verification.judging import Judge
from mmport.verification.stage_files import StageFiles, scenario_stage

if TYPE_CHECKING:
    from mmport.verification.judging import Array
    from mmport.verification.stage_files import Tensors

_FEWEST = 8
"""Tokens of a prompt, for the mean of their squares to say anything."""


@dataclass(frozen=True, slots=True)
class Noise:
    """The floors, and what became of each variant of HF."""

    floors: Floors = field(default_factory=Floors)
    variants: tuple[NoiseVariant, ...] = ()


def measure_noise(reference: StageFiles, dtype: str) -> Noise:
    """Compare what HF's variants answered (`workers/noise.py`) with HF's own answers.

    Args:
        reference: of the HF worker.
        dtype: that HF's own answers were computed in.
    """
    document = reference.document("noise")
    if document is None:
        return Noise()
    variants: dict[str, dict[str, Any]] = document["variants"]
    answers = _Answers(reference)
    apart = {name: answers.apart(name, told["answered"]) for name, told in variants.items()}
    finer = next((name for name, told in variants.items() if told["finer"]), "")
    doubts = {
        name: _doubt(name, finer, apart, answers, dtype, told["left_out"])
        for name, told in variants.items()
    }
    used = [name for name, doubt in doubts.items() if not doubt]
    floors = Floors(
        logprobs=_most(apart[name].logprobs.largest for name in used),
        features=_most(apart[name].features.largest for name in used),
        spreads={
            prompt: spread
            for prompt, stands in document["same"].items()
            if (spread := _most(apart[name].spread(stands) for name in used)) is not None
        },
        scale=answers.scale,
        variants=tuple(used),
    )
    told = tuple(
        NoiseVariant(
            name,
            used=not doubt,
            logprobs=apart[name].logprobs.largest,
            features=apart[name].features.largest,
            detail=doubt or _left_out(variants[name]["left_out"]),
        )
        for name, doubt in doubts.items()
    )
    return Noise(floors, told)


def judge_spread(
    scenario: Scenario, reference: StageFiles, candidate: StageFiles, bounds: Bounds
) -> Iterator[Measurement]:
    """Hold the root mean square of each prompt's differences to that prompt's own noise.

    It is steadier than the largest difference, so its bound is nearer to right;
    in a coarse dtype, where one token may part by a nat, it is what tells.
    """
    stage = scenario_stage(scenario.name)
    if reference.document(stage) is None or candidate.document(stage) is None:
        return
    expected, found = reference.tensors(stage), candidate.tensors(stage)
    judge = Judge(Stage.LOGITS, scenario.name)
    for index in range(len(scenario.requests)):
        ours, theirs = expected.get(f"{index}/prompt"), found.get(f"{index}/prompt")
        if ours is None or theirs is None or ours.shape != theirs.shape:
            continue
        apart = Differences()
        apart.add(ours, theirs)
        if apart.count >= _FEWEST and apart.spread is not None:
            bound = bounds.spread(f"{scenario.name}/{index}")
            yield judge.within(f"prompt {index}, root mean square", apart.spread, bound)


@dataclass(slots=True)
class Differences:
    """Gathers differences: the largest, and the root mean square; None before the first."""

    count: int = 0
    _largest: float = 0.0
    _squares: float = 0.0

    def add(self, expected: Array, found: Array, scale: float = 1.0) -> None:
        """Take in two arrays of one shape; where either is no finite number, nothing is said."""
        import numpy as np

        finite = np.isfinite(expected) & np.isfinite(found)
        apart = (found[finite].astype(np.float64) - expected[finite].astype(np.float64)) / scale
        if apart.size:
            self._largest = max(self._largest, float(np.abs(apart).max()))
            self._squares += float((apart**2).sum())
            self.count += apart.size

    @property
    def largest(self) -> float | None:
        """The largest absolute difference."""
        return self._largest if self.count else None

    @property
    def spread(self) -> float | None:
        """The root of the mean square."""
        return math.sqrt(self._squares / self.count) if self.count else None


@dataclass(slots=True)
class _Apart:
    """By how much a variant parts from HF's own answers; `prompts` by `SCENARIO/INDEX`."""

    logprobs: Differences = field(default_factory=Differences)
    features: Differences = field(default_factory=Differences)
    prompts: dict[str, Differences] = field(default_factory=dict)

    def spread(self, prompt: str) -> float | None:
        return self.prompts[prompt].spread if prompt in self.prompts else None


class _Answers:
    """HF's answers, and those of its variants to the same prompts."""

    def __init__(self, reference: StageFiles) -> None:
        self._reference = reference
        self._noise = reference.tensors("noise")
        self._own: dict[str, Tensors] = {}
        self.scale = 1.0

    def apart(self, name: str, answered: Sequence[str]) -> _Apart:
        """Compare the answers of a variant with HF's own."""
        apart = _Apart()
        for key in answered:
            own, theirs = self._of(key), _below(self._noise, f"{name}/{key}/")
            self.scale = max(self.scale, _largest(own["last"]))
            for part in own.keys() & theirs.keys():
                if own[part].shape != theirs[part].shape:
                    continue
                if part.startswith("features/"):
                    apart.features.add(own[part], theirs[part], _largest(own[part]) or 1.0)
                    continue
                apart.logprobs.add(own[part], theirs[part])
                if part == "prompt":
                    apart.prompts.setdefault(key, Differences()).add(own[part], theirs[part])
        return apart

    def between(self, one: str, other: str) -> float | None:
        """The largest difference of two variants' logprobs."""
        apart = Differences()
        for name, theirs in _below(self._noise, f"{other}/").items():
            ours = self._noise.get(f"{one}/{name}")
            if ours is not None and ours.shape == theirs.shape and "/features/" not in name:
                apart.add(ours, theirs)
        return apart.largest

    def _of(self, key: str) -> Tensors:
        """HF's own answer to a prompt, named as a variant's is."""
        scenario, _, index = key.rpartition("/")
        if scenario not in self._own:
            self._own[scenario] = self._reference.tensors(scenario_stage(scenario))
        tensors = self._own[scenario]
        features = _below(tensors, f"features/{index}/")
        answer = {f"features/{call}": rows for call, rows in features.items()}
        answer["last"] = tensors[f"{index}/steps"][0]
        if f"{index}/prompt" in tensors:
            answer["prompt"] = tensors[f"{index}/prompt"]
        return answer


def _doubt(
    name: str,
    finer: str,
    apart: Mapping[str, _Apart],
    answers: _Answers,
    dtype: str,
    reasons: Mapping[str, str],
) -> str:
    """Say why a variant's difference is no noise; empty if it is."""
    largest = apart[name].logprobs.largest
    if largest is None:
        return next(iter(reasons.values()), "it answered nothing")
    limit = EPS[dtype] ** (1 / 3) * answers.scale
    if largest > limit:
        return f"it parts by {largest:.1e} nats: rounding would leave a third of the digits"
    exact = apart[finer].logprobs.largest if finer in apart else None
    if name == finer or exact is None or exact > limit:
        return ""
    bound = make_bounds(dtype, Floors(logprobs=exact, scale=answers.scale)).logprobs
    parted = answers.between(finer, name)
    if parted is not None and parted > bound:
        return (
            f"it computes something else: from {finer} it parts by {parted:.1e} nats,"
            f" and HF's own answers by {exact:.1e}"
        )
    return ""


def _left_out(reasons: Mapping[str, str]) -> str:
    """The first reason, and how many prompts it and others kept from being answered."""
    if not reasons:
        return ""
    return f"{len(reasons)} prompts not answered: {next(iter(reasons.values()))}"


def _below(tensors: Tensors, prefix: str) -> Tensors:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _largest(values: Array) -> float:
    """The largest absolute value that is a finite number; 0 if there is none."""
    import numpy as np

    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if finite.size else 0.0


def _most(figures: Iterator[float | None]) -> float | None:
    return max((figure for figure in figures if figure is not None), default=None)
