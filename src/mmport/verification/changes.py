"""By how much two runs of one implementation part, measured against HF's own noise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmport.verification.bounds import EPS, Floors
from mmport.verification.captures import Capture, capture_folder
from mmport.verification.stage_files import StageFiles, scenario_stage

if TYPE_CHECKING:
    from mmport.verification.judging import Array

_EXACT = ("processor", "weights", "modules", "budget")


def equal(one: Path, other: Path, scenarios: Sequence[str]) -> bool:
    """Whether two folders hold the same bits in every answer, tensor and record of scenarios."""
    if any((folder / "error.json").exists() for folder in (one, other)):
        return False
    if not _same_stages(one, other):
        return False
    for name in scenarios:
        stage = scenario_stage(name)
        documents = [_said(StageFiles(folder).document(stage)) for folder in (one, other)]
        if documents[0] != documents[1]:
            return False
        if _bytes(one / f"{stage}.safetensors") != _bytes(other / f"{stage}.safetensors"):
            return False
        if not _same_record(capture_folder(one, name), capture_folder(other, name)):
            return False
    return True


def _said(document: Any) -> Any:
    """A scenario's answers, but for those over HF's tokens, which follow from the rest."""
    if document is None:
        return None
    requests = [
        answer and {key: value for key, value in answer.items() if key != "forced"}
        for answer in document["requests"]
    ]
    return {**document, "requests": requests}


def _same_stages(one: Path, other: Path) -> bool:
    for stage in _EXACT:
        if StageFiles(one).document(stage) != StageFiles(other).document(stage):
            return False
        file = f"{stage}.safetensors"
        if _bytes(one / file) != _bytes(other / file):
            return False
    return True


def _same_record(one: Path, other: Path) -> bool:
    """Compare calls and values; from which line a call came does not matter."""
    ours, theirs = Capture(one), Capture(other)
    if not (ours.exists and theirs.exists):
        return ours.exists == theirs.exists
    calls = [[(call.module, call.inputs, call.outputs) for call in c.calls] for c in (ours, theirs)]
    return calls[0] == calls[1] and _bytes(one / "tensors.bin") == _bytes(other / "tensors.bin")


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


@dataclass(frozen=True, slots=True)
class Changes:
    """Compares other runs with one, `usual`; `floors` are HF's own noise.

    `modules`: the noise at single modules, by scenario and path, where it was
    measured: late layers have more of it than early ones.
    """

    usual: Path
    floors: Floors
    dtype: str
    modules: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def largest(self, folder: Path, scenarios: Sequence[str]) -> float | None:
        """The largest change of logprobs, features and recorded values, over the noise there.

        Returns:
            1 is as much as HF parts from itself; infinity where a value is no
            number, or the forms differ; None where what differs is exact.
        """
        if (folder / "error.json").exists() or not _same_stages(self.usual, folder):
            return None
        found = [change for name in scenarios for change in self._of(folder, name)]
        largest = max(found, default=0.0)
        return largest if math.isfinite(largest) else None

    def _of(self, folder: Path, name: str) -> Iterator[float]:
        stage = scenario_stage(name)
        sides = StageFiles(self.usual), StageFiles(folder)
        yield from self._steps(*(side.document(stage) for side in sides))
        ours, theirs = (side.tensors(stage) for side in sides)
        for key in ours.keys() | theirs.keys():
            if key not in ours or key not in theirs:
                yield math.inf
            elif key.endswith("/prompt"):
                yield _apart(ours[key], theirs[key]) / self._logprobs
            else:
                yield _relative(ours[key], theirs[key]) / self._features
        yield from self._recorded(folder, name)

    def _recorded(self, folder: Path, name: str) -> Iterator[float]:
        ours, theirs = (Capture(capture_folder(side, name)) for side in (self.usual, folder))
        if not (ours.exists and theirs.exists):
            return
        if len(ours.calls) != len(theirs.calls):
            yield math.inf
            return
        for one, other in zip(ours.calls, theirs.calls, strict=True):
            if one.module != other.module or one.outputs.keys() != other.outputs.keys():
                yield math.inf
                return
            noise = max(self.modules.get((name, one.module), self._features), EPS[self.dtype])
            for key, value in one.outputs.items():
                yield _relative(ours.array(value), theirs.array(other.outputs[key])) / noise

    def _steps(self, ours: Any, theirs: Any) -> Iterator[float]:
        """Compare the logprobs of tokens that both named, up to where the tokens part."""
        for one, other in zip(ours["requests"], theirs["requests"], strict=True):
            if one is None or other is None:
                yield math.inf if one is not other else 0.0
                continue
            if one["prompt"] != other["prompt"]:
                yield math.inf
                continue
            for step, (mine, yours) in enumerate(zip(one["steps"], other["steps"], strict=False)):
                for token in mine.keys() & yours.keys():
                    yield abs(mine[token] - yours[token]) / self._logprobs
                if one["tokens"][step] != other["tokens"][step]:
                    break

    @property
    def _logprobs(self) -> float:
        return max(self.floors.logprobs or 0.0, EPS[self.dtype] * self.floors.scale)

    @property
    def _features(self) -> float:
        return max(self.floors.features or 0.0, EPS[self.dtype])


def _apart(one: Array, other: Array) -> float:
    import numpy as np

    if one.shape != other.shape or not np.array_equal(np.isnan(one), np.isnan(other)):
        return math.inf
    both = np.isfinite(one) & np.isfinite(other)
    return float(np.abs(one[both] - other[both]).max()) if both.any() else 0.0


def _relative(one: Array, other: Array) -> float:
    import numpy as np

    apart = _apart(one, other)
    finite = np.abs(one[np.isfinite(one)])
    scale = float(finite.max()) if finite.size else 0.0
    return apart / scale if scale else apart
