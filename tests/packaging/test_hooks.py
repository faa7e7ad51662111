"""The hooks of pre-commit that a repo of ports takes from here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mmport.generation.lock import record_evidence
from tests.conftest import ROOT
from tests.unit.generation.ports import append, evidence_of, write_port

MANIFEST = ROOT / ".pre-commit-hooks.yaml"
HOOKS: list[dict[str, Any]] = yaml.safe_load(MANIFEST.read_text())


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    home = {"PRE_COMMIT_HOME": str(cwd / ".home"), "GIT_CONFIG_GLOBAL": os.devnull}
    return subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**os.environ, **home, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def pre_commit(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-m", "pre_commit", *arguments, cwd=cwd)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repo with a proven port that runs the hooks, with mmport as it is here.

    What is left out is pre-commit's installing: `language: system` in place of `python`.
    """
    folder = tmp_path / "repo"
    write_port(folder / "my_port")
    record_evidence(folder / "my_port", evidence_of(folder / "my_port"))
    (folder / "a.py").write_text("x = 1\n")
    here = [
        {**hook, "language": "system", "entry": f"{sys.executable} -m {hook['entry']}"}
        for hook in HOOKS
    ]
    config = {"repos": [{"repo": "local", "hooks": here}]}
    (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    assert run("git", "init", "--quiet", cwd=folder).returncode == 0
    assert run("git", "add", "--all", cwd=folder).returncode == 0
    return folder


def test_the_manifest_is_valid_and_runs_commands_that_exist(tmp_path: Path) -> None:
    done = pre_commit("validate-manifest", MANIFEST, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert {hook["entry"] for hook in HOOKS} == {"mmport check"}
    assert {hook["language"] for hook in HOOKS} == {"python"}


def test_a_lock_is_known_by_its_name_alone() -> None:
    pattern = next(hook["files"] for hook in HOOKS if "files" in hook)
    names = ("mmport.lock", "my_port/mmport.lock", "my-mmport.lock", "mmport.lock.txt")
    assert [bool(re.search(pattern, name)) for name in names] == [True, True, False, False]


def test_the_hooks_pass_what_is_fine_and_stop_what_is_not(repo: Path) -> None:
    done = pre_commit("run", "--all-files", cwd=repo)
    assert done.returncode == 0, done.stdout
    assert re.findall(r"\.(Passed|Failed|\(no files.*)", done.stdout) == ["Passed", "Passed"]
    append(repo / "my_port" / "README.md", "More.\n")
    (repo / "a.py").write_text("def f(:\n")
    done = pre_commit("run", "--all-files", cwd=repo)
    assert done.returncode == 1
    assert "error   syntax  a.py:1:7" in done.stdout
    assert "error   edited  my_port/README.md" in done.stdout
