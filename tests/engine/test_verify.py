"""Right ports are green, on the real engine against the real transformers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmport.core.output import Sink
from mmport.gate.check import check_port
from mmport.model.evidence import Evidence, Outcome, Stage
from mmport.workflows.verify import VerifyOptions, verify
from tests.conftest import RunMmport
from tests.engine.conftest import Checkpoint, Port

pytestmark = pytest.mark.engine

SLOW = pytest.mark.full(reason="an engine start for each further model; three are in each run")

CASES = [
    ("clip-llama", None),
    ("siglip-qwen2", None),
    pytest.param("clip-mistral", None, marks=SLOW),
    ("two-layers", "transformers-4"),
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
    checkpoint: Checkpoint, port_of: Port, engine_python: Path, name: str, layout: str | None
) -> None:
    model = checkpoint(name, layout)
    port = port_of(model)
    (evidence,) = verify(str(model), VerifyOptions(port=port, vllm_python=engine_python), Sink())
    assert evidence.outcome is Outcome.PASSED, failures(evidence)
    assert [stage.stage for stage in evidence.stages] == list(Stage)
    assert all(stage.measurements for stage in evidence.stages)
    assert (port / "evidence" / "port.json").is_file()
    errors = [finding for finding in check_port(port) if finding.severity == "error"]
    assert errors == []


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
    model = checkpoint("clip-llama", "transformers-4")
    (evidence,) = verify(str(model), VerifyOptions(vllm_python=engine_python), Sink())
    assert evidence.implementation == "in-tree"
    assert evidence.outcome is Outcome.PASSED, failures(evidence)
