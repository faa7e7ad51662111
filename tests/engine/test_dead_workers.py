"""A port that kills, hangs or starves the engine: one clear line, exit code 3, no orphan."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import RunMmport
from tests.engine.conftest import Checkpoint, Port

pytestmark = pytest.mark.engine

DEATHS = {
    "dies": ("import os; os.abort()", "SIGABRT"),
    "exits": ("import os; os._exit(7)", "exit code 7"),
    "hangs": (
        "import subprocess, time; subprocess.Popen(['sleep', '987']); time.sleep(600)",
        "did not end within",
    ),
    "runs out of memory": ("raise MemoryError('no more')", "memory"),
}
FAST = ("dies",)
SLOW = pytest.mark.full(reason="the supervisor's own tests cover each death without an engine")


def running(command: str) -> str:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return "\n".join(line for line in listed.stdout.splitlines() if command in line)


@pytest.mark.parametrize(
    "death", [name if name in FAST else pytest.param(name, marks=SLOW) for name in DEATHS]
)
def test_a_dead_worker_is_one_clear_line(
    checkpoint: Checkpoint, port_of: Port, run_mmport: RunMmport, tmp_path: Path, death: str
) -> None:
    model = checkpoint("clip-llama")
    port = port_of(model)
    code, expected = DEATHS[death]
    module = port / "llava_vllm" / "__init__.py"
    module.write_text(f"{module.read_text()}\n\ndef register() -> None:\n    {code}\n")
    timeout = "40" if death == "hangs" else "300"
    done = run_mmport(
        "verify", str(model), "--port", str(port), "--timeout", timeout, TMPDIR=str(tmp_path)
    )
    assert done.returncode == 3, done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("verify: ")]
    assert len(lines) == 2, done.stderr
    assert expected in lines[0]
    assert lines[1].startswith("  what to do: ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert running(str(tmp_path)) == ""
    assert running("sleep 987") == ""
    assert not (port / "evidence").exists()


def test_without_an_engine_the_hint_says_how_to_get_one(
    checkpoint: Checkpoint, port_of: Port, run_mmport: RunMmport
) -> None:
    model = checkpoint("clip-llama")
    done = run_mmport("verify", str(model), "--port", str(port_of(model)), MMPORT_VLLM_PYTHON="")
    assert done.returncode == 3
    assert "vLLM" in done.stderr
    assert "what to do" in done.stderr


def test_a_python_that_is_not_there_is_named(
    checkpoint: Checkpoint, port_of: Port, run_mmport: RunMmport
) -> None:
    model = checkpoint("clip-llama")
    missing = "/no/such/python"
    done = run_mmport("verify", str(model), "--port", str(port_of(model)), "--vllm-python", missing)
    assert done.returncode in (2, 3)
    assert missing in done.stderr
