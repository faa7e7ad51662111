"""What is shown beside the figures: pictures and answers, from the workers' own files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmport.model.evidence import Evidence, Outcome, Stage
from mmport.reports.answers import Answer, Vocabulary, collect_answers
from mmport.reports.pictures import Picture, collect_pictures
from mmport.verification.cases import Questions


@dataclass(frozen=True, slots=True)
class Exhibits:
    """What one implementation and HF saw and said."""

    pictures: tuple[Picture, ...] = ()
    answers: tuple[Answer, ...] = ()


def collect_exhibits(
    evidence: Evidence, reference: Path, candidate: Path, model: Path, asked: Questions
) -> Exhibits:
    """Read the exhibits of one implementation before its files are removed.

    Args:
        evidence: that was made from these files.
        reference: the folder of HF's answers.
        candidate: the folder of the engine's answers, perhaps not complete.
        model: the folder of the checkpoint, for its tokenizer.
        asked: what both sides were asked.
    """
    failing = {
        item.scenario
        for stage in evidence.stages
        if stage.stage is Stage.PROCESSOR
        for item in stage.measurements
        if item.outcome is Outcome.FAILED
    }
    texts = {one.name: [request.text for request in one.requests] for one in asked.scenarios}
    return Exhibits(
        collect_pictures(reference, candidate, failing),
        collect_answers(reference, candidate, Vocabulary(model), texts),
    )
