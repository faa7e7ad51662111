"""`migrate` over vLLM's own model files: those of old releases, each out of its tree by itself."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from mmport.vllm_api import store
from mmport.workflows.migrating import FileTask, migrate_file
from tests.corpus.conftest import Models, installed_models

FETCHES = "fetches releases of vLLM from the package index"
TARGET = "0.32.0"
IMPORTER = Path(__file__).parents[2] / "benchmarks" / "import_files.py"
REGISTRATION = "register_processor("


def multimodal(files: list[Path]) -> list[Path]:
    return [file for file in files if REGISTRATION in file.read_text("utf-8")]


@pytest.mark.engine
def test_a_file_of_the_target_stays_as_it_is(engine_python: Path) -> None:
    files, version = installed_models(engine_python)
    assert version in store.releases()
    changed = {
        file.name
        for file in multimodal(files)
        if migrate_file(FileTask(file, version, version)).would_change
    }
    assert changed == set()


@pytest.mark.full(reason=FETCHES)
@pytest.mark.engine
@pytest.mark.parametrize(
    ("release", "share"),
    [("0.9.2", 0.6), ("0.11.2", 0.9), ("0.14.1", 0.9), ("0.18.1", 0.9), ("0.24.0", 0.9)],
)
def test_files_of_old_releases_import_and_stay(
    release: str, share: float, models: Models, tmp_path: Path, engine_python: Path
) -> None:
    files = [alone(file, tmp_path) for file in multimodal(models(release))]
    for file in files:
        migrate_file(FileTask(file, TARGET, release, write=True))
    again = {
        file.name for file in files if migrate_file(FileTask(file, TARGET, release)).would_change
    }
    assert again == set()
    assert all(ast.parse(file.read_text("utf-8")) for file in files)
    assert imported(files, engine_python) >= share * len(files)


@pytest.mark.full(reason=FETCHES)
@pytest.mark.parametrize("release", ["0.6.3.post1", "0.8.4", "0.11.2", "0.18.1", "0.24.0"])
def test_no_codemod_is_at_fault_with_any_model_file(release: str, models: Models) -> None:
    told = [
        one.message
        for file in models(release)
        for one in migrate_file(FileTask(file, TARGET, release)).findings
    ]
    assert [one for one in told if "fault of mmport" in one] == []


def alone(file: Path, folder: Path) -> Path:
    """Put a file where none of its neighbours lies beside it."""
    copy = folder / file.stem / file.name
    copy.parent.mkdir()
    shutil.copyfile(file, copy)
    return copy


def imported(files: list[Path], python: Path) -> int:
    run = [str(python), str(IMPORTER), *map(str, files)]
    done = subprocess.run(run, check=True, capture_output=True, text=True, timeout=600)
    return sum(not one["error"] for one in json.loads(done.stdout).values())
