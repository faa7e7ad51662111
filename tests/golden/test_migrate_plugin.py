"""`docs/migrate-plugin.md`: a plugin's way over seven releases, as `migrate` walks it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmport.model.finding import Severity
from mmport.workflows.migrating import FileResult, FileTask, migrate_file
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "migrate-plugin.md"
PLUGIN = Path(__file__).parent / "plugin" / "heron.py"
RELEASES = ("0.8.5", "0.10.2", "0.11.2", "0.14.1", "0.18.1", "0.24.0", "0.32.0")
HEAD = """# A plugin's upgrade, release by release

`tests/golden/plugin/heron.py` was written for vLLM 0.8.5. This is what `mmport migrate` makes of \
it for one release after the other, and what it says of it. One leap from the first to the last \
comes to the same file, byte for byte; a second run changes nothing; and no step leaves an error. \
`make golden` makes this page.
"""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What each step did, and what the file is in the end."""

    steps: dict[str, FileResult]
    text: str


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory: pytest.TempPathFactory) -> Upgrade:
    file = copied(tmp_path_factory.mktemp("heron"))
    steps = {}
    for origin, target in itertools.pairwise(RELEASES):
        steps[target] = migrate_file(FileTask(file, target, origin, write=True))
        assert not migrate_file(FileTask(file, target, origin)).would_change
    return Upgrade(steps, file.read_text("utf-8"))


def copied(folder: Path) -> Path:
    file = folder / "heron.py"
    file.write_bytes(PLUGIN.read_bytes())
    return file


def test_the_page_is_current(upgrade: Upgrade, request: pytest.FixtureRequest) -> None:
    made = "\n".join([HEAD, *(section(*one) for one in upgrade.steps.items())])
    if request.config.getoption("--update-golden"):
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text("utf-8") == made


def section(target: str, step: FileResult) -> str:
    said = "\n".join(f"- `{one.id}`: {one.summary}" for one in step.applied)
    return f"## To {target}\n\n{said}\n\n```diff\n{step.diff.rstrip()}\n```\n"


def test_no_step_leaves_an_error(upgrade: Upgrade) -> None:
    left = [
        (target, one.message)
        for target, step in upgrade.steps.items()
        for one in step.findings
        if one.severity is Severity.ERROR
    ]
    assert left == []


def test_one_leap_comes_to_the_same_file(upgrade: Upgrade, tmp_path: Path) -> None:
    file = copied(tmp_path)
    migrate_file(FileTask(file, RELEASES[-1], RELEASES[0], write=True))
    assert file.read_text("utf-8") == upgrade.text
