"""Numbered placeholders and tiles in rows: Phi-3.5-vision's code, in small, on old engines.

The model is of its repo's own code, which today's transformers does not know, so both
sides run in the old engine's environment.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mmport.workflows import scaffold
from tests.conftest import legacy_python
from tests.legacy.conftest import RELEASES, on

pytestmark = pytest.mark.engine

SCRIPT = Path(__file__).parent / "repos" / "prove_phi3_v.py"
BOUND = 5e-5
"""Of a logprob in float32; what was seen is below 1e-5."""


def run(release: str, port: Path, *arguments: str) -> str:
    python = legacy_python(release)
    assert python is not None
    # vLLM looks at a class that is registered by name in a process of its own.
    environment = os.environ | {"PYTHONPATH": str(port), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [python, SCRIPT, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.parametrize("release", [on(release) for release in RELEASES])
def test_phi3_vision_answers_as_its_repos_code_does(release: str, tmp_path: Path) -> None:
    model, port = tmp_path / "model", tmp_path / "port"
    run(release, port, "build", str(model))
    request = scaffold.Request(str(model), port, target_vllm=release, trust_remote_code=True)
    scaffold.write(scaffold.prepare(request))
    found: dict[str, Any] = json.loads(
        run(release, port, "prove", str(model), str(port)).splitlines()[-1]
    )
    asked = {"one by one", "a batch", "features"} | ({"several"} if release != "0.5.1" else set())
    assert found["questions"].keys() == asked
    for question, answer in found["questions"].items():
        assert answer["equal"], (question, answer)
        assert answer["worst"] < BOUND, (question, answer)
        assert answer["distinct"] > 6, (question, answer)
    assert found["misnumbered refused"]
    assert found["too many refused"]
    declared, largest = found["largest"]
    assert declared == largest
