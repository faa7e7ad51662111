"""Models by a repo's own code, ported from it and proven, with nothing that knows them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import RunMmport

HUB_CODE = Path(__file__).parents[1] / "hub_code"


@pytest.mark.full(reason="builds a checkpoint and starts an engine for each repo")
@pytest.mark.parametrize("name", sorted(path.name for path in HUB_CODE.iterdir()))
def test_a_repos_own_code_is_ported_and_proven(
    name: str, run_mmport: RunMmport, tmp_path: Path
) -> None:
    source, port = HUB_CODE / name, tmp_path / "port"
    done = run_mmport("scaffold", str(source), "-o", str(port), "--trust-remote-code")
    assert done.returncode == 0, done.stderr
    done = run_mmport(
        "verify",
        str(source),
        *("--port", str(port), "--tiny", "--trust-remote-code", "--format", "json"),
    )
    assert done.returncode == 0, done.stderr
    (evidence,) = json.loads(done.stdout)["evidence"]
    assert evidence["outcome"] == "passed"
