"""Ports on disk, for tests."""

from __future__ import annotations

from pathlib import Path

from mmport import __version__
from mmport.generation.lock import proven_hashes, read_lock
from mmport.generation.update import apply_update, plan_update
from mmport.model.evidence import (
    EVIDENCE_SCHEMA,
    Environment,
    Evidence,
    Measurement,
    Outcome,
    Stage,
    StageResult,
)
from mmport.model.plan import Layout
from mmport.model.spec import VlmSpec
from tests.golden.cases import load_spec, plan_of


def write_port(
    folder: Path, spec: VlmSpec | None = None, *, layout: Layout = "plugin", force: bool = False
) -> None:
    """Bring `folder` up to date with a spec's port."""
    spec = spec or load_spec()
    apply_update(plan_update(folder, plan_of(spec, layout), spec, force=force))


def snapshot(folder: Path) -> dict[str, bytes]:
    """Read every file below `folder`."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def append(path: Path, text: str) -> None:
    """Add text to a file."""
    path.write_bytes(path.read_bytes() + text.encode())


def evidence_of(folder: Path, outcome: Outcome = Outcome.PASSED) -> Evidence:
    """Make evidence about a port's modules as they are."""
    return Evidence(
        schema=EVIDENCE_SCHEMA,
        implementation="port",
        model="model",
        revision=None,
        tiny=True,
        files=proven_hashes(folder),
        environment=Environment(
            mmport=__version__,
            python="3.11",
            vllm="0.32.0+cpu",
            torch="2.13.0",
            transformers="5.19.0",
            device="cpu",
            dtype="float32",
        ),
        stages=tuple(_stage(stage, outcome) for stage in Stage),
        outcome=outcome,
        first_failure="" if outcome is Outcome.PASSED else "encoder: off by 1",
        architecture=read_lock(folder).plan.architecture,
    )


def _stage(stage: Stage, outcome: Outcome) -> StageResult:
    return StageResult(stage, outcome, (Measurement(stage, "one image", "all", outcome, 0.0, 1.0),))
