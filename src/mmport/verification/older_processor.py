"""What the HF processor in an old engine's own environment makes of the cases.

A port runs the processor of its own environment, and is right if it gives what
that one does, also where today's gives something else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mmport.model.evidence import Measurement, Outcome, Stage
from mmport.verification.bounds import Bounds
from mmport.verification.judging import Judge
from mmport.verification.stage_files import StageFiles

if TYPE_CHECKING:
    from mmport.verification.stage_files import Tensors

_STAGE = "processor-own"


class OlderProcessor:
    """That processor's tensors; none where the engine is one of today's."""

    def __init__(self, candidate: StageFiles) -> None:
        document = candidate.document(_STAGE)
        self._version: str = document["transformers"] if document else ""
        self._tensors: Tensors = candidate.tensors(_STAGE) if document else {}
        self._excused: dict[str, list[str]] = {}

    def excused(self, measurement: Measurement, found: Tensors, bounds: Bounds) -> Measurement:
        """Leave out what the older processor, too, makes otherwise than today's.

        Args:
            measurement: of a tensor of one case, by today's processor.
            found: the port's tensors of that case.
            bounds: what still counts as the same.
        """
        if measurement.outcome is not Outcome.FAILED:
            return measurement
        case, judge = measurement.scenario, Judge(Stage.PROCESSOR, measurement.scenario)
        for key, values in found.items():
            own = self._tensors.get(f"{case}/{key}")
            if key.replace("_", " ") != measurement.subject:
                continue
            if own is None or own.size != values.size:
                continue
            theirs = values.reshape(own.shape)
            if (
                judge.arrays("", own, theirs, bounds.pixels, relative=True).outcome
                is Outcome.PASSED
            ):
                self._excused.setdefault(measurement.subject, []).append(case)
                return judge.not_compared(measurement.subject, self._reason(measurement.detail))
        return measurement

    def told(self) -> Iterator[Measurement]:
        """Name all cases that were left out so, the drawn ones among them."""
        for subject, cases in self._excused.items():
            reason = f"{len(cases)} cases ({', '.join(cases)}): {self._reason()}"
            yield Judge(Stage.PROCESSOR, "older processor").not_compared(subject, reason)

    def _reason(self, detail: str = "") -> str:
        reason = f"transformers {self._version}, beside the engine, differs from today's itself"
        return f"{reason}: {detail}" if detail else reason
