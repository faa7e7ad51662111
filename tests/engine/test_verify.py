"""Right ports are green, on the real engine against the real transformers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmport.core.jsonable import from_json
from mmport.core.output import Sink
from mmport.gate.check import check_port
from mmport.model.evidence import Evidence, Outcome, Stage
from mmport.reports.record import Record
from mmport.workflows.verify import VerifyOptions, verify
from tests.conftest import RunMmport
from tests.engine.conftest import Checkpoint, Port

pytestmark = pytest.mark.engine

SLOW = pytest.mark.full(
    reason="an engine start for each further model; one and the demo's are in each run"
)

CASES = [
    pytest.param("clip-llama", None, marks=SLOW),
    ("qwen3_vl", None),
    pytest.param("aya_vision", None, marks=SLOW),
    pytest.param("siglip-qwen2", None, marks=SLOW),
    pytest.param("clip-mistral", None, marks=SLOW),
    pytest.param("two-layers", "transformers-4", marks=SLOW),
    pytest.param("two-layers", None, marks=SLOW),
    pytest.param("full-selection", None, marks=SLOW),
    pytest.param("tied-embeddings", None, marks=SLOW),
    pytest.param("tied-embeddings", "transformers-4.52", marks=SLOW),
    pytest.param("clip-llama", "transformers-4", marks=SLOW),
    pytest.param("clip-llama", "transformers-4.52", marks=SLOW),
    pytest.param("siglip-qwen2", "transformers-5", marks=SLOW),
]


def failures(evidence: Evidence) -> str:
    return f"{evidence.outcome}: {evidence.first_failure}"


@pytest.mark.parametrize(("name", "layout"), CASES)
def test_a_port_answers_as_hf_does(
    checkpoint: Checkpoint,
    port_of: Port,
    engine_python: Path,
    tmp_path: Path,
    name: str,
    layout: str | None,
) -> None:
    model = checkpoint(name, layout)
    port = port_of(model)
    options = VerifyOptions(port=port, vllm_python=engine_python, report=tmp_path)
    (evidence,) = verify(str(model), options, Sink())
    assert evidence.outcome is Outcome.PASSED, failures(evidence)
    assert [stage.stage for stage in evidence.stages] == list(Stage)
    assert all(stage.measurements for stage in evidence.stages)
    assert (port / "evidence" / "port.json").is_file()
    errors = [finding for finding in check_port(port) if finding.severity == "error"]
    assert errors == []
    assert from_json((tmp_path / "evidence.json").read_text(), Record).evidence == (evidence,)
    page = (tmp_path / "report.html").read_text()
    for part in ("data:image/png;base64,", "tokens agree", 'class="point agrees output"'):
        assert part in page


@SLOW
def test_the_file_layout_is_proven_too(
    checkpoint: Checkpoint, run_mmport: RunMmport, tmp_path: Path
) -> None:
    model, port = checkpoint("clip-llama"), tmp_path / "port"
    done = run_mmport("scaffold", str(model), "-o", str(port), "--layout", "file", "--verify")
    assert done.returncode == 0, done.stderr
    assert run_mmport("check", str(port)).returncode == 0


@SLOW
def test_tiny_proves_the_port_of_a_model_without_weights(
    checkpoint: Checkpoint, run_mmport: RunMmport, tmp_path: Path
) -> None:
    source, port = tmp_path / "source", tmp_path / "port"
    source.mkdir()
    built = checkpoint("siglip-qwen2")
    (source / "config.json").write_text((built / "config.json").read_text())
    assert run_mmport("scaffold", str(source), "-o", str(port)).returncode == 0
    done = run_mmport("verify", str(source), "--port", str(port), "--tiny", "--format", "json")
    assert done.returncode == 0, done.stderr
    (evidence,) = json.loads(done.stdout)["evidence"]
    assert evidence["tiny"] is True
    assert evidence["outcome"] == "passed"


@SLOW
def test_implementations_stand_side_by_side(
    checkpoint: Checkpoint, port_of: Port, engine_python: Path
) -> None:
    """vLLM's own class cannot load what transformers 5 saves; the port can."""
    model = checkpoint("clip-llama")
    options = VerifyOptions(
        implementations=("port", "in-tree", "transformers"),
        port=port_of(model),
        vllm_python=engine_python,
    )
    port, in_tree, backend = verify(str(model), options, Sink())
    assert port.outcome is Outcome.PASSED, failures(port)
    assert in_tree.outcome is Outcome.FAILED
    assert in_tree.first_failure.startswith("weights / loading / engine: ValueError")
    by_stage = {stage.stage: stage for stage in backend.stages}
    assert by_stage[Stage.WEIGHTS].outcome is Outcome.PASSED


@SLOW
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_held_to_its_own_bounds(
    checkpoint: Checkpoint, port_of: Port, engine_python: Path, dtype: str
) -> None:
    source = checkpoint("clip-llama")
    options = VerifyOptions(port=port_of(source), tiny=True, dtype=dtype, vllm_python=engine_python)
    (evidence,) = verify(str(source), options, Sink())
    assert evidence.outcome is Outcome.PASSED, failures(evidence)
    assert evidence.environment.dtype == dtype


@SLOW
def test_the_in_tree_class_is_green_where_it_is_right(
    checkpoint: Checkpoint, engine_python: Path
) -> None:
    model = checkpoint("qwen2_vl")
    (evidence,) = verify(str(model), VerifyOptions(vllm_python=engine_python), Sink())
    assert evidence.implementation == "in-tree"
    assert evidence.outcome is Outcome.PASSED, failures(evidence)


def test_the_processor_alone_starts_no_engine_and_claims_no_more(
    checkpoint: Checkpoint, port_of: Port, engine_python: Path
) -> None:
    model = checkpoint("clip-llama")
    port = port_of(model)
    options = VerifyOptions(port=port, stages=(Stage.PROCESSOR,), vllm_python=engine_python)
    (evidence,) = verify(str(model), options, Sink())
    assert evidence.outcome is Outcome.PASSED, failures(evidence)
    assert evidence.required == (Stage.PROCESSOR,)
    ran = [stage.stage for stage in evidence.stages if stage.outcome is not Outcome.NOT_RUN]
    assert ran == [Stage.PROCESSOR]
    assert not (port / "evidence").exists()  # the gate wants a whole run


@SLOW
def test_an_engine_reuses_cuts_and_permutes_as_users_have_it_do(
    checkpoint: Checkpoint, port_of: Port, engine_python: Path
) -> None:
    """The port answers as HF does, and what was to be tested was really done."""
    model = checkpoint("clip-llama")
    scenarios = ("permuted", "chunked prefill", "prefix cache", "image embeddings")
    options = VerifyOptions(
        port=port_of(model),
        stages=(Stage.LOGITS, Stage.GENERATION),
        scenarios=scenarios,
        vllm_python=engine_python,
    )
    (evidence,) = verify(str(model), options, Sink())
    assert evidence.outcome is Outcome.PASSED, failures(evidence)
    measured = {
        (one.scenario, one.subject): one for stage in evidence.stages for one in stage.measurements
    }
    assert {scenario for scenario, _ in measured} == set(scenarios)
    assert not [one for one in measured.values() if one.outcome is Outcome.NOT_RUN]
    for subject in ("cache hit 1", "cache miss 2", "cache hit 3"):
        assert ("prefix cache", subject) in measured
    assert "tokens in each step: [" in measured["chunked prefill", "pieces 0"].detail


@SLOW
def test_two_ranks_run_the_port_and_not_the_class_that_vllm_has(
    checkpoint: Checkpoint, port_of: Port, engine_python: Path
) -> None:
    """vLLM's own class cannot load this checkpoint, so a rank that ran it would fail."""
    model = checkpoint("clip-llama")
    options = VerifyOptions(
        port=port_of(model),
        stages=(Stage.LOGITS, Stage.GENERATION),
        scenarios=("text", "image"),
        tp=2,
        vllm_python=engine_python,
    )
    (evidence,) = verify(str(model), options, Sink())
    assert evidence.outcome is Outcome.PASSED, failures(evidence)
    logits = next(stage for stage in evidence.stages if stage.stage is Stage.LOGITS)
    ranks = [one for one in logits.measurements if one.scenario == "image (tp 2)"]
    assert {one.subject for one in ranks} == {"prompt 0", "answer 0"}


@SLOW
def test_a_scenario_that_the_model_does_not_have_is_refused_before_an_engine_starts(
    checkpoint: Checkpoint, run_mmport: RunMmport
) -> None:
    done = run_mmport("verify", str(checkpoint("clip-llama")), "--scenarios", "smell")
    assert done.returncode == 2
    assert "prefix cache" in done.stderr
