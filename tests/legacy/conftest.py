"""Old engines, tiny checkpoints that they read, and ports that are proven on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mmport.core.output import Sink
from mmport.model.evidence import Evidence, Measurement, Outcome, Stage
from mmport.workflows import scaffold
from mmport.workflows.reference import build_tiny
from mmport.workflows.verify import VerifyOptions, verify
from tests.conftest import legacy_python

RELEASES = ("0.5.1", "0.6.3.post1", "0.6.4.post1", "0.8.4")
FAST = "0.6.3.post1"
"""The release of which the fast lane runs something, where it is built."""
SLOW = "an old engine's start each; one port on vLLM 0.6.3.post1 is in each run"


def on(release: str, *values: object, fast: bool = False, name: str = "") -> Any:
    """A case that needs an old engine: the release, then the values."""
    marks = [pytest.mark.legacy(release)]
    if not fast:
        marks.append(pytest.mark.full(reason=SLOW))
    return pytest.param(release, *values, marks=marks, id=f"{release}-{name}" if name else release)


OldCheckpoint = Callable[[str], Path]
OldPort = Callable[..., Path]


@pytest.fixture
def old_checkpoint(engine_python: Path) -> OldCheckpoint:
    """Build a reference model that old engines run, or take it from the cache."""
    return lambda name: build_tiny(name, python=engine_python, old=True)


@pytest.fixture
def old_port(tmp_path: Path) -> OldPort:
    """Scaffold the port of a checkpoint for a release; keywords as `scaffold.Request` has them."""

    def generate(model: Path, release: str, **asked: Any) -> Path:
        folder = tmp_path / "port"
        request = scaffold.Request(str(model), folder, target_vllm=release, **asked)
        scaffold.write(scaffold.prepare(request))
        return folder

    return generate


@dataclass(frozen=True, slots=True)
class Prove:
    """Compares today's transformers with an implementation on an old engine."""

    hf_python: Path

    def __call__(
        self,
        model: Path,
        release: str,
        port: Path | None = None,
        *,
        class_name: str = "",
        stages: tuple[Stage, ...] = (),
        old_hf: bool = False,
    ) -> Evidence:
        python = legacy_python(release)
        options = VerifyOptions(
            port=port,
            class_name=class_name,
            vllm_python=python,
            hf_python=python if old_hf else self.hf_python,
            stages=stages,
        )
        (evidence,) = verify(str(model), options, Sink())
        return evidence


@pytest.fixture
def prove(engine_python: Path) -> Prove:
    return Prove(engine_python)


def measured(evidence: Evidence) -> dict[tuple[str, str, str], Measurement]:
    """All measurements, by stage, scenario and subject."""
    return {
        (one.stage, one.scenario, one.subject): one
        for stage in evidence.stages
        for one in stage.measurements
    }


def failures(evidence: Evidence) -> str:
    """What a test shows of evidence that is not what it should be."""
    return f"{evidence.outcome}: {evidence.first_failure}"


def not_compared(evidence: Evidence) -> set[str]:
    """The reasons why things were not compared."""
    return {one.detail for one in measured(evidence).values() if one.outcome is Outcome.NOT_RUN}


def failed(evidence: Evidence) -> set[str]:
    """The subjects that failed."""
    return {one.subject for one in measured(evidence).values() if one.outcome is Outcome.FAILED}
