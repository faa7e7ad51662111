"""Wrong ports are red, each in the stage where its bug is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mmport.generation.lock import read_lock
from mmport.hub import open_source
from mmport.inspection.inspector import inspect_model
from mmport.model.evidence import Evidence, Outcome
from mmport.verification.facts import facts_from_spec
from mmport.verification.referee import first_failure
from mmport.verification.run import Setup, compare
from mmport.verification.subjects import Subject
from mmport.vllm_api.catalog import resolve_target
from mmport.workflows.warm import warm_jobs
from tests.engine.conftest import Checkpoint, Port
from tests.engine.seeded_bugs import BUGS, SeededBug

pytestmark = pytest.mark.engine

FAST = {"two norms exchanged", "one placeholder too few", "activation of the connector"}


def seed(bug: SeededBug, port: Path, folder: Path) -> Subject:
    """Copy a port with one bug in it."""
    plan = read_lock(port).plan
    shutil.copytree(port, folder)
    model = folder / plan.model_file
    text = model.read_text()
    assert text.count(bug.before) >= 1, f"the port no longer has the place of: {bug.name}"
    model.write_text(text.replace(bug.before, bug.after, 1))
    return Subject("port", folder, f"{plan.names.package}:register", label=folder.name)


def prove(model: Path, subjects: list[Subject], python: Path, work: Path) -> list[Evidence]:
    spec = inspect_model(open_source(str(model), revision=None), resolve_target(None))
    setup = Setup(model, facts_from_spec(spec), str(model), None, True, python, python, work)
    with warm_jobs(python, python, 2) as run:
        return list(compare(setup, subjects, run=run))


def misjudged(bugs: list[SeededBug], evidence: list[Evidence]) -> list[str]:
    wrong = []
    for bug, found in zip(bugs, evidence, strict=True):
        failure = first_failure(found.stages)
        seen = (failure.stage, failure.subject) if failure else None
        if found.outcome is not Outcome.FAILED or seen != (bug.stage, bug.subject):
            wrong.append(f"{bug.name}: expected {bug.stage}/{bug.subject}, saw {seen}")
        parted = found.divergence
        where = f"{parted.kind} {parted.hf.module}" if parted else ""
        if bug.parts and where != bug.parts:
            wrong.append(f"{bug.name}: expected {bug.parts}, saw {where}")
    return wrong


@pytest.mark.parametrize(
    "bugs",
    [
        pytest.param([bug for bug in BUGS if bug.name in FAST], id="one a stage"),
        pytest.param(
            [bug for bug in BUGS if bug.name not in FAST],
            id="the others",
            marks=pytest.mark.full(reason="an engine start for each bug"),
        ),
    ],
)
def test_every_bug_fails_in_its_own_stage(
    checkpoint: Checkpoint,
    port_of: Port,
    engine_python: Path,
    tmp_path: Path,
    bugs: list[SeededBug],
) -> None:
    model = checkpoint("clip-llama")
    port = port_of(model)
    subjects = [seed(bug, port, tmp_path / f"bug-{index}") for index, bug in enumerate(bugs)]
    evidence = prove(model, subjects, engine_python, tmp_path / "work")
    assert misjudged(bugs, evidence) == []
