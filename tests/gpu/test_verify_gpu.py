"""The same proof on a CUDA device: the run differs in its flags alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import RunMmport

pytestmark = [pytest.mark.engine, pytest.mark.gpu]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_reference_port_is_green_on_a_gpu(
    run_mmport: RunMmport, tmp_path: Path, dtype: str
) -> None:
    folder = tmp_path / "demo"
    assert run_mmport("demo", "-o", str(folder)).returncode == 0
    done = run_mmport(
        "verify",
        str(folder / "model"),
        "--port",
        str(folder / "port"),
        "--gpu",
        "--dtype",
        dtype,
        "--format",
        "json",
    )
    assert done.returncode == 0, done.stderr
    (evidence,) = json.loads(done.stdout)["evidence"]
    assert evidence["environment"]["device"] == "cuda"
    assert evidence["outcome"] == "passed"
