from __future__ import annotations

from pathlib import Path

import pytest

from mmport.gate.api.check import check_source
from mmport.model.finding import Severity
from tests.corpus.conftest import Models, installed_models

FETCHES = "fetches releases of vLLM from the package index"
SHIPPED = {
    # Each of these fails when it is run: vLLM shipped it so.
    ("0.12.0", "kimi_linear.py", "call-misfit"),
    ("0.12.0", "openpangu.py", "call-misfit"),
    ("0.24.0", "fireredlid.py", "override-misfit"),
    ("0.24.0", "sarvam.py", "override-misfit"),
}
"""Errors in files of the release that they were written for, each looked into by a person."""


def errors(files: list[Path], release: str) -> set[tuple[str, str, str]]:
    return {
        (release, file.name, one.rule)
        for file in files
        for one in check_source(file, file.read_text(encoding="utf-8"), (release,))
        if one.severity is Severity.ERROR
    }


@pytest.mark.engine
def test_no_file_of_the_installed_release_is_called_wrong(engine_python: Path) -> None:
    files, version = installed_models(engine_python)
    assert errors(files, version) == set()


@pytest.mark.full(reason=FETCHES)
@pytest.mark.parametrize("release", ["0.6.3.post1", "0.10.2", "0.12.0", "0.16.0", "0.24.0"])
def test_no_file_is_called_wrong_on_its_own_release(release: str, models: Models) -> None:
    known = {one for one in SHIPPED if one[0] == release}
    assert errors(models(release), release) == known


@pytest.mark.full(reason=FETCHES)
@pytest.mark.parametrize(
    ("old", "new", "at_least"),
    [("0.9.1", "0.9.2", 30), ("0.10.2", "0.11.0", 50), ("0.18.0", "0.19.0", 80)],
)
def test_what_a_release_breaks_is_found(old: str, new: str, at_least: int, models: Models) -> None:
    multimodal = [file for file in models(old) if "register_processor" in file.read_text("utf-8")]
    broken = {name for _, name, _ in errors(multimodal, new)}
    assert len(broken) >= at_least
