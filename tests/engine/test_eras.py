"""Ports to releases of other eras answer on engines of these as today's transformers does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmport.core.output import Sink
from mmport.engines.discover import find_engine
from mmport.model.evidence import Outcome, Stage
from mmport.workflows import scaffold
from mmport.workflows.old_engines import reads_old_files
from mmport.workflows.reference import build_tiny
from mmport.workflows.verify import VerifyOptions, verify
from tests.conftest import era_python

pytestmark = pytest.mark.engine

SLOW = "an engine's start each; one port on vLLM 0.24.0 is in each run"
PROVEN = {
    "clip-llama": "0.8.5 0.9.2 0.10.2 0.11.0 0.12.0 0.14.1 0.18.0 0.24.0 0.30.0",
    "siglip-qwen2": "0.24.0",
    "llava_next": "0.9.2 0.11.0 0.12.0 0.14.1 0.18.0 0.24.0 0.30.0",
    "qwen2_vl": "0.11.0 0.12.0 0.14.1 0.18.0 0.24.0 0.30.0",
}
"""As in the README."""


def on(release: str, model: str) -> Any:
    """A case on an engine of another era."""
    marks = [pytest.mark.era(release)]
    if (release, model) != ("0.24.0", "clip-llama"):
        marks.append(pytest.mark.full(reason=SLOW))
    return pytest.param(release, model, marks=marks, id=f"{release}-{model}")


@pytest.mark.parametrize(
    ("release", "model"),
    [on(release, model) for model, releases in PROVEN.items() for release in releases.split()],
)
def test_a_port_answers_as_hf_does(
    engine_python: Path, tmp_path: Path, release: str, model: str
) -> None:
    python = era_python(release)
    old = reads_old_files(find_engine(python, engine_python))
    checkpoint = build_tiny(model, python=engine_python, old=old)
    port = tmp_path / "port"
    request = scaffold.Request(str(checkpoint), port, target_vllm=release)
    scaffold.write(scaffold.prepare(request))
    options = VerifyOptions(port=port, vllm_python=python, hf_python=engine_python)
    (evidence,) = verify(str(checkpoint), options, Sink())
    assert evidence.outcome is Outcome.PASSED, f"{evidence.outcome}: {evidence.first_failure}"
    assert {stage.stage for stage in evidence.stages} == set(Stage)
