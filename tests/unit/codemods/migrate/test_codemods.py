"""Every codemod on its cases: `RELEASE.NAME.before.py` becomes `….after.py`, and stays so.

The release is the one that the case was written for; `….unchanged.py` is fine already.
`make golden` writes what comes after anew; read the diff.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mmport.codemods.migrate import run
from mmport.codemods.migrate.changes import CODEMODS
from mmport.codemods.migrate.codemod import Edits, distinct
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api import store
from mmport.vllm_api.surface.stubs import ModuleName

CASES = Path(__file__).parent / "cases"
BY_ID = {one.id: one for one in CODEMODS}
BEFORE = sorted(path.relative_to(CASES) for path in CASES.glob("*/*.before.py"))
UNCHANGED = sorted(path.relative_to(CASES) for path in CASES.glob("*/*.unchanged.py"))
TARGET = "0.32.0"


def migrated(case: Path, text: str) -> run.Migrated:
    origin = re.match(r"[\d.]+?(?=\.[a-z])", case.name)
    assert origin
    module = ModuleName("vllm.model_executor.models.finch")
    reading = Reading(text, module, origin.group(), TARGET)
    return run.migrate_text(reading, (BY_ID[case.parent.name],))


def comments(text: str) -> list[str]:
    return [line.partition("#")[2] for line in text.splitlines() if "#" in line]


@pytest.mark.parametrize("case", BEFORE, ids=str)
def test_a_case_becomes_what_is_committed_and_stays_so(
    case: Path, request: pytest.FixtureRequest
) -> None:
    done = migrated(case, (CASES / case).read_text("utf-8"))
    path = CASES / str(case).replace(".before.", ".after.")
    if request.config.getoption("--update-golden"):
        path.write_text(done.text, encoding="utf-8")
    after = path.read_text("utf-8")
    assert done.text == after
    assert [one.id for one in done.applied] == [case.parent.name]
    compile(after, str(path), "exec")
    assert migrated(case, after).text == after


@pytest.mark.parametrize("case", BEFORE, ids=str)
def test_line_ends_are_those_of_the_file(case: Path) -> None:
    text = (CASES / case).read_text("utf-8")
    plain = migrated(case, text).text
    assert migrated(case, text.replace("\n", "\r\n")).text == plain.replace("\n", "\r\n")


@pytest.mark.parametrize("case", UNCHANGED, ids=str)
def test_what_is_right_is_left_alone(case: Path) -> None:
    text = (CASES / case).read_text("utf-8")
    assert migrated(case, text).text == text


def test_every_codemod_says_what_it_is_and_has_a_case() -> None:
    assert {case.parent.name for case in BEFORE} == set(BY_ID)
    for codemod in CODEMODS:
        assert codemod.summary
        assert codemod.instead
        assert codemod.reference
        assert not codemod.since or codemod.since in store.releases()


def test_two_codemods_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="one id"):
        distinct((CODEMODS[0], CODEMODS[0]))


def test_a_codemod_that_would_write_no_python_is_left_out_and_told_of() -> None:
    def broken(reading: Reading) -> Edits:
        edits = Edits()
        edits.put(0, 0, "def")
        edits.need("vllm.config", "VllmConfig")
        return edits

    from dataclasses import replace

    reading = Reading("import vllm\n", ModuleName("port.a"), "0.30.0", TARGET)
    done = run.migrate_text(reading, (replace(CODEMODS[0], apply=broken),))
    assert done.text == "import vllm\n"
    (note,) = done.notes
    assert CODEMODS[0].id in note.message
    assert "fault of mmport" in note.message


def test_a_file_that_needs_nothing_is_not_parsed_by_libcst(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import libcst

    monkeypatch.setattr(libcst, "parse_module", None)
    text = "from vllm.multimodal import MULTIMODAL_REGISTRY\n"
    done = run.migrate_text(Reading(text, ModuleName("port.a"), "0.11.2", TARGET))
    assert done.text == text
    assert not done.applied
