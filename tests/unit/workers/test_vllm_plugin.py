from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from mmport.workers.vllm_plugin import register_in_workers

PAYLOAD = {"architecture": "OneForCausalLM", "entry_point": "", "model_class": ""}


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path and the environment are put back afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("VLLM_PLUGINS", "")
    monkeypatch.setenv("PYTHONPATH", "elsewhere")


def entry_points(folder: Path) -> list[tuple[str, str]]:
    found = distributions(path=[str(folder)])
    return [(one.group, one.value) for each in found for one in each.entry_points]


def test_without_a_port_nothing_is_installed(tmp_path: Path) -> None:
    register_in_workers(PAYLOAD, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert os.environ["VLLM_PLUGINS"] == ""


def test_a_port_with_an_entry_point_is_the_one_plugin_that_is_loaded(tmp_path: Path) -> None:
    register_in_workers({**PAYLOAD, "entry_point": "my_port:register"}, tmp_path)
    assert entry_points(tmp_path / "plugin") == [("vllm.general_plugins", "my_port:register")]
    assert os.environ["VLLM_PLUGINS"] == "mmport_worker_port"
    assert os.environ["PYTHONPATH"].split(os.pathsep)[-1] == "elsewhere"


def test_a_single_class_is_registered_by_a_function_of_its_own(tmp_path: Path) -> None:
    class_name = "my_model:One'Class"  # quotes do not get out of the generated text
    register_in_workers({**PAYLOAD, "model_class": class_name}, tmp_path)
    (tmp_path / "plugin" / "vllm.py").write_text(
        "class ModelRegistry:\n"
        "    @staticmethod\n"
        "    def register_model(*given):\n"
        "        print(given)\n"
    )
    ((_, function),) = entry_points(tmp_path / "plugin")
    module, name = function.split(":")
    done = subprocess.run(
        [sys.executable, "-c", f"import {module}; {module}.{name}()"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path / "plugin",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "plugin")},
    )
    assert done.stdout.strip() == str(("OneForCausalLM", class_name))
