"""What `migrate` makes of a file answers as HuggingFace does, on the engine that it is for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunMmport, legacy_python
from tests.engine.conftest import Checkpoint
from tests.legacy.conftest import on
from tests.rewriting import models_of

pytestmark = [
    pytest.mark.engine,
    pytest.mark.full(reason="an engine start for each file; ports' are in each run"),
]

FIRST_API = "0.6.3.post1"
SPAN = ("--from", FIRST_API, "--to", "0.32.0")
OWN = Path(__file__).parent / "first_api" / "finch.py"
REPOS = Path(__file__).parents[1] / "legacy" / "repos"
BOUND = 5e-5
"""Of a logprob in float32, as on the old engines."""
SMALLER = (
    *((r"\b32044\b", "3"), (r"\b336\b", "56"), (r"\b576\b", "16"), (r"\b1024\b", "64")),
    *((r"\b4096\b", "96"), (r"heads=16", "heads=4"), (r"layers=24", "layers=3")),
    *((r"\b768\b", "32"), (r"\* 144\b", "* 4"), (r"\* 12$", "* 2")),
)
"""The sizes that stand in the file and in no config: those of the stand-in in their place."""
STAGES = ("weights", "processor", "encoder", "merge", "decoder", "logits", "generation", "budget")


def proven(done: Any) -> None:
    """See that a run of `verify`, or one within `migrate`, found every stage equal."""
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    (evidence,) = json.loads(done.stdout)["evidence"]
    assert evidence["outcome"] == "passed"
    assert tuple(one["stage"] for one in evidence["stages"]) == STAGES


@pytest.fixture
def finch(tmp_path: Path) -> Path:
    return Path(shutil.copy(OWN, tmp_path))


def test_a_file_of_the_first_api_is_migrated_and_proven_in_one_go(
    run_mmport: RunMmport, checkpoint: Checkpoint, finch: Path
) -> None:
    model = checkpoint("clip-llama", None)
    before = finch.read_bytes()
    proof = ("--verify", str(model), "--class", "FinchForConditionalGeneration")
    proven(run_mmport("migrate", str(finch), *SPAN, *proof, "--format", "json"))
    assert finch.read_bytes() == before
    proven(run_mmport("migrate", str(finch), *SPAN, *proof, "--write", "--format", "json"))
    assert finch.read_bytes() != before


def test_what_answers_otherwise_is_told(
    run_mmport: RunMmport, checkpoint: Checkpoint, finch: Path
) -> None:
    finch.write_text(finch.read_text().replace("[:, 1:]  # with", "[:, :-1]  # with"))
    proof = ("--verify", str(checkpoint("clip-llama", None)))
    named = ("--class", "FinchForConditionalGeneration", "--format", "json")
    done = run_mmport("migrate", str(finch), *SPAN, *proof, *named)
    assert done.returncode == 1, done.stderr
    (evidence,) = json.loads(done.stdout)["evidence"]
    assert evidence["outcome"] == "failed"
    failed = {one["stage"] for one in evidence["stages"] if one["outcome"] == "failed"}
    assert "encoder" in failed
    assert not failed & {"weights", "processor", "budget"}


def test_what_a_file_lacks_is_taken_from_the_models_port(
    run_mmport: RunMmport, checkpoint: Checkpoint, finch: Path
) -> None:
    model = checkpoint("clip-llama", "transformers-5")
    done = run_mmport("migrate", str(finch), *SPAN, "--model", str(model), "--write")
    assert done.returncode == 0, done.stderr
    assert "class LlavaProcessingInfo(" in finch.read_text()
    named = ("--class", "FinchForConditionalGeneration", "--format", "json")
    proven(run_mmport("verify", str(model), "--port", str(finch), *named))


@pytest.mark.parametrize("donor", [False, True], ids=["from-the-file", "from-the-port"])
@pytest.mark.parametrize(
    ("release", "name", "class_name"),
    [
        on(FIRST_API, "llava", "LlavaForConditionalGeneration", name="llava"),
        on(FIRST_API, "llava_next", "LlavaNextForConditionalGeneration", name="llava_next"),
    ],
)
def test_vllms_own_file_of_the_first_api_is_proven(
    run_mmport: RunMmport,
    checkpoint: Checkpoint,
    tmp_path: Path,
    release: str,
    name: str,
    class_name: str,
    donor: bool,
) -> None:
    python = legacy_python(release)
    assert python is not None  # the marker left the case out otherwise
    file = Path(shutil.copy(models_of(python) / f"{name}.py", tmp_path))
    model = checkpoint(name, None)
    asked = ("--model", str(model)) if donor else ()
    done = run_mmport("migrate", str(file), *SPAN, *asked, "--write")
    assert done.returncode == 0, done.stderr
    proven(
        run_mmport(
            *("verify", str(model), "--port", str(file)),
            *("--class", class_name, "--format", "json"),
        )
    )


@pytest.mark.parametrize("release", [on(FIRST_API)])
def test_numbered_placeholders_and_tiles_in_rows_answer_as_the_repos_code_does(
    run_mmport: RunMmport, engine_python: Path, tmp_path: Path, release: str
) -> None:
    python = legacy_python(release)
    assert python is not None  # the marker left the case out otherwise
    model, file = tmp_path / "model", tmp_path / "tiles.py"
    text = (models_of(python) / "phi3v.py").read_text("utf-8")
    for large, small in SMALLER:
        assert re.search(large, text, re.MULTILINE)
        text = re.sub(large, small, text, flags=re.MULTILINE)
    file.write_text(text, "utf-8")
    done = run_mmport("migrate", str(file), *SPAN, "--write")
    assert done.returncode == 0, done.stderr

    def run(script: str, *arguments: str) -> str:
        made = subprocess.run(
            [engine_python, REPOS / script, *arguments],
            env=os.environ | {"PYTHONPATH": str(tmp_path), "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert made.returncode == 0, made.stderr[-4000:]
        return made.stdout

    run("prove_phi3_v.py", "build", str(model))
    printed = run("prove_migrated_phi3_v.py", str(model), str(file), "Phi3VForCausalLM")
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    assert found.keys() == {"one by one", "a batch", "several", "features"}
    for question, answer in found.items():
        assert answer["equal"], (question, answer)
        assert answer["worst"] < BOUND, (question, answer)
        assert answer["distinct"] > 6, (question, answer)
