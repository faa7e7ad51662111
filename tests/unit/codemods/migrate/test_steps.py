"""A file comes to the same in one leap and release by release; a second leap changes nothing.

The files are those of `steps/`, which hold what once made a difference, and those that the
codemods have as cases, each taken through all of them, but for cases that no file of their
release could be. Those of the first API are not among them: what takes the place of mappers
can be written for 0.31.0 and later alone, in one leap.
"""

from __future__ import annotations

import difflib
import re
from itertools import pairwise
from pathlib import Path

import pytest

from mmport.codemods.migrate.reading import Reading
from mmport.codemods.migrate.run import migrate_text
from mmport.vllm_api import store
from mmport.vllm_api.changes import reaches
from mmport.vllm_api.surface.stubs import ModuleName

HERE = Path(__file__).parent
MODULE = ModuleName("vllm.model_executor.models.finch")
FIRST, TARGET = "0.7.0", "0.32.0"


def release(file: Path) -> str:
    found = re.match(r"[\d.]+?(?=\.[a-z])", file.name)
    assert found
    return found.group()


def is_real(file: Path) -> bool:
    """Tell whether a file may have been written for its release: all its imports are there."""
    origin = release(file)
    reading = Reading(file.read_text("utf-8"), MODULE, origin, TARGET)
    return reaches(origin, FIRST) and reading.before.loads(origin)


STEPS = sorted(HERE.glob("steps/*.py"))
CASES = sorted(path for path in HERE.glob("cases/*/*.before.py") if is_real(path))
FILES = [path.relative_to(HERE) for path in (*STEPS, *CASES)]


def test_most_cases_are_among_the_files_and_all_that_were_written_for_it() -> None:
    assert all(map(is_real, STEPS))
    assert len(CASES) > 50


def carried(text: str, *releases: str) -> str:
    for origin, target in pairwise(releases):
        text = migrate_text(Reading(text, MODULE, origin, target)).text
    return text


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_leap_and_its_steps_come_to_the_same(file: Path) -> None:
    origin, places = release(file), store.places()
    steps = store.releases()[places[origin] : places[TARGET] + 1]
    text = (HERE / file).read_text("utf-8")
    leap = carried(text, origin, TARGET)
    assert carried(leap, origin, TARGET) == leap
    walked = carried(text, *steps)
    both = difflib.unified_diff(leap.splitlines(), walked.splitlines(), "leap", "steps", n=1)
    assert leap == walked, "\n".join(both)
