"""`mmport doctor`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmport.cli.app import app
from mmport.core.errors import UnknownTarget, Usage
from mmport.engines import diagnosis
from mmport.engines.releases import default_release
from tests.unit.engines.fake_python import FITTING, changed, write_python

runner = CliRunner()


@pytest.fixture(autouse=True)
def _bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "find_gpus", lambda: ())
    monkeypatch.delenv("MMPORT_VLLM_PYTHON", raising=False)
    monkeypatch.delenv("MMPORT_HF_PYTHON", raising=False)


def test_usable(tmp_path: Path) -> None:
    python = write_python(tmp_path, FITTING)
    result = runner.invoke(app, ["doctor", "--vllm-python", str(python)])
    assert result.exit_code == 0, result.output
    for part in ("vllm-cpu 0.32.0", "torch 2.13.0", "torchvision 0.28.0", "transformers 5.19.0"):
        assert part in result.stdout
    assert "ready" in result.stdout


def test_broken(tmp_path: Path) -> None:
    python = write_python(tmp_path, changed(torchvision={"build": "cpu"}))
    result = runner.invoke(app, ["doctor", "--vllm-python", str(python)])
    assert result.exit_code == 1
    assert "what to do" in result.stdout


def test_a_note_on_the_vllm_command_leaves_it_usable(tmp_path: Path) -> None:
    python = write_python(tmp_path, changed(vllm=None))
    result = runner.invoke(app, ["doctor", "--vllm-python", str(python)])
    assert result.exit_code == 0, result.output
    told = " ".join(result.stdout.split())
    assert "note: the `vllm` command of vllm-cpu 0.32.0" in told
    assert "-m vllm.entrypoints.openai.api_server --model MODEL" in told


def test_environment_variable(tmp_path: Path) -> None:
    python = write_python(tmp_path, FITTING)
    result = runner.invoke(app, ["doctor"], env={"MMPORT_VLLM_PYTHON": str(python)})
    assert result.exit_code == 0, result.output


def test_json() -> None:
    result = runner.invoke(app, ["doctor", "--format", "json"])
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["schema"] == "mmport.doctor/1"
    assert document["usable"] is False
    finding = document["findings"][0]
    assert finding.keys() >= {"severity", "rule", "file", "line", "message", "fix"}


def test_overrides_prints_a_path_and_nothing_else() -> None:
    result = runner.invoke(app, ["doctor", "--overrides"])
    assert result.exit_code == 0
    assert result.stdout == f"{default_release().overrides}\n"
    assert Path(result.stdout.strip()).is_file()


def test_overrides_of_a_release() -> None:
    result = runner.invoke(app, ["doctor", "--overrides", "--target-vllm", "0.31.0"])
    assert result.stdout.endswith("vllm-cpu-0.31.0.txt\n")


@pytest.mark.parametrize(("version", "error"), [("0.33.0", Usage), ("9.9", UnknownTarget)])
def test_no_overrides(version: str, error: type[Usage]) -> None:
    result = runner.invoke(app, ["doctor", "--overrides", "--target-vllm", version])
    assert type(result.exception) is error


def test_a_release_without_overrides_is_a_mistake() -> None:
    assert type(runner.invoke(app, ["doctor", "--target-vllm", "0.31.0"]).exception) is Usage


def test_help_quotes_the_default_release() -> None:
    result = runner.invoke(
        app, ["doctor", "--help"], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"}
    )
    assert f"vllm-cpu=={default_release().vllm}" in result.stdout
    assert f"torchvision=={default_release().torchvision}" in result.stdout
