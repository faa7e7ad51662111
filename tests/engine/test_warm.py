"""A forked worker gives what a fresh one gives, to the last digit."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.engines.supervise import RunJobs, run_jobs
from mmport.engines.warm import WarmPool
from mmport.hub.opening import open_source
from mmport.inspection.inspector import inspect_model
from mmport.model.evidence import Evidence, Outcome, Stage
from mmport.scoreboard.causes import explanations
from mmport.verification.facts import facts_from_spec
from mmport.verification.jobs import Setup, engine_constants
from mmport.verification.run import compare
from mmport.verification.subjects import Subject
from mmport.vllm_api.catalog import resolve_target
from tests.engine.conftest import Checkpoint

pytestmark = pytest.mark.engine


@pytest.mark.full(reason="two more engine starts; the pool itself is tested in each run")
def test_a_forked_comparison_has_the_same_figures(
    checkpoint: Checkpoint, engine_python: Path, tmp_path: Path
) -> None:
    model = checkpoint("clip-llama", "transformers-4")
    fresh = evidence_of(model, engine_python, tmp_path / "fresh", run_jobs)
    imports = ("torch", "transformers.modeling_utils", "vllm.entrypoints.llm")
    with WarmPool(engine_python, imports, engine_constants(), size=2) as pool:
        forked = evidence_of(model, engine_python, tmp_path / "forked", pool.run_jobs)
    # LLaVA's own class has no place for adapters of its tower under HF's names.
    wrong = {one.stage for one in fresh.stages if one.outcome is not Outcome.PASSED}
    assert wrong == {Stage.WEIGHTS}, fresh.first_failure
    assert forked == fresh


def evidence_of(model: Path, python: Path, work: Path, run: RunJobs) -> Evidence:
    spec = inspect_model(open_source(str(model), revision=None), resolve_target(None))
    setup = Setup(
        model=model,
        facts=facts_from_spec(spec),
        name="clip-llama",
        revision=None,
        tiny=True,
        vllm_python=python,
        hf_python=python,
        work=work,
    )
    (evidence,) = compare(setup, [Subject("in-tree")], run=run)
    return evidence


def test_what_the_causes_quote_stands_where_they_say(engine_python: Path) -> None:
    packages = next((engine_python.parent.parent / "lib").glob("python*")) / "site-packages"
    for entry in explanations():
        file = packages / entry.source.partition(":")[0]
        assert entry.quote in file.read_text(encoding="utf-8"), f"{entry.source}: {entry.quote}"
