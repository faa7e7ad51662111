"""The wheel and the sdist, built as a release is, installed into empty environments and run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from mmport import __version__
from mmport.reference_models import named
from tests.conftest import ROOT
from tests.packaging.builds import LINKS, PINS, uv
from tests.unit.checkpoints import write_llava

KINDS = ("wheel", "sdist")
LIST_DATA = """
from importlib.resources import files
def walk(folder, prefix=""):
    for entry in folder.iterdir():
        if entry.is_dir():
            walk(entry, f"{prefix}{entry.name}/")
        elif "__pycache__" not in prefix:
            print(prefix + entry.name)
walk(files("mmport"))
"""


@pytest.fixture(scope="session")
def package_files() -> set[str]:
    """Every file of the package as it lies in the repository, by its path from `src`."""
    return {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "mmport").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="session", params=KINDS)
def installed(
    request: pytest.FixtureRequest,
    distributions: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The `bin` folder of an empty environment into which a distribution was installed."""
    home = tmp_path_factory.mktemp(request.param)
    uv("venv", home / "venv", "--python", sys.executable)
    python = home / "venv" / "bin" / "python"
    pins = ("--constraint", PINS, "--build-constraint", PINS)
    uv("pip", "install", "--python", python, *pins, distributions[request.param])
    return python.parent


def run(bin_folder: Path, *arguments: str | Path, code: int = 0) -> str:
    """Run an installed program far from the repository; give its stdout."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MMPORT_", "PYTHON", "VIRTUAL_ENV"))
    }
    done = subprocess.run(
        [bin_folder / arguments[0], *arguments[1:]],
        cwd=bin_folder,
        env=environment | {"HF_HUB_OFFLINE": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_the_package_once(
    distributions: dict[str, Path], package_files: set[str]
) -> None:
    with zipfile.ZipFile(distributions["wheel"]) as archive:
        names = archive.namelist()
    info = f"mmport-{__version__}.dist-info"
    inside = [name for name in names if not name.startswith(f"{info}/")]
    assert sorted(inside) == sorted(package_files)
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE"} <= set(names)


def test_the_sdist_holds_every_file_of_the_package_once(
    distributions: dict[str, Path], package_files: set[str]
) -> None:
    with tarfile.open(distributions["sdist"]) as archive:
        names = [
            member.name.partition("/")[2] for member in archive.getmembers() if not member.isdir()
        ]
    inside = [name for name in names if name.startswith("src/mmport/")]
    assert sorted(inside) == sorted(f"src/{name}" for name in package_files)
    assert not [name for name in names if name.partition("/")[0] in LINKS]
    assert {"LICENSE", "NOTICE", "README.md", "pyproject.toml"} <= set(names)


def test_the_data_that_the_program_needs_is_in_the_package(package_files: set[str]) -> None:
    """The two tests above compare with this set; it must not itself be empty of data."""
    assert "mmport/py.typed" in package_files
    kinds = {(name.split("/")[1], name.rpartition(".")[2]) for name in package_files}
    assert {("engines", "txt"), ("templates", "jinja"), ("vllm_api", "json")} <= kinds
    assert {("reports", "css"), ("reports", "jinja"), ("reports", "js")} <= kinds
    assert any(top == "reference_models" and kind != "py" for top, kind in kinds)


def test_it_runs_from_an_empty_environment(installed: Path, package_files: set[str]) -> None:
    assert run(installed, "mmport", "--version") == f"mmport {__version__}\n"
    assert "scaffold" in run(installed, "mmport", "--help")
    data = run(installed, "python", "-c", LIST_DATA).splitlines()
    assert sorted(f"mmport/{name}" for name in data) == sorted(package_files)


def test_it_ports_a_model_and_checks_the_port(installed: Path, tmp_path: Path) -> None:
    """All that inspection, planning, the templates and the gate need is in the package."""
    model, port = write_llava(tmp_path / "model"), tmp_path / "port"
    run(installed, "mmport", "scaffold", model, "--output", port)
    assert (port / "mmport.lock").is_file()
    assert [path.name for path in tmp_path.iterdir() if path.name[0] == "."] == []
    found = json.loads(run(installed, "mmport", "check", port, "--format", "json", code=1))
    assert [finding["rule"] for finding in found["findings"]] == ["evidence-missing"]
    again = run(installed, "mmport", "scaffold", model, "--output", port, "--check")
    assert "---" not in again


def test_it_has_the_data_of_doctor_and_of_tiny_models(installed: Path) -> None:
    assert Path(run(installed, "mmport", "doctor", "--overrides").strip()).is_file()
    probe = "from mmport.reference_models import named; print(*map(named.load, named.names()))"
    assert run(installed, "python", "-c", probe).count("ReferenceModel(") == len(named.names())


def test_the_base_install_is_light(installed: Path) -> None:
    probe = "import importlib.util as u; print([n for n in ('torch', 'vllm') if u.find_spec(n)])"
    assert run(installed, "python", "-c", probe) == "[]\n"
