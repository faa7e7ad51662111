from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import RunMmport

pytestmark = pytest.mark.engine


def test_the_demo_ends_in_a_proven_port(run_mmport: RunMmport, tmp_path: Path) -> None:
    done = run_mmport("demo", "-o", str(tmp_path / "demo"), "--format", "json")
    assert done.returncode == 0, done.stderr
    (evidence,) = json.loads(done.stdout)["evidence"]
    assert evidence["outcome"] == "passed"
    assert run_mmport("check", str(tmp_path / "demo" / "port")).returncode == 0
