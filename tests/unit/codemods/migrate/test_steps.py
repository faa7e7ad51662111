"""A file comes to the same in one leap and release by release; a second leap changes nothing.

The files are those that the codemods have as cases, each taken through all of them, and those
of `steps/`, which hold what once made a difference. Those of the first API are not among them:
what takes the place of mappers can be written for 0.31.0 and later alone, in one leap.
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
FIRST, TARGET = "0.8.5", "0.32.0"


def release(file: Path) -> str:
    found = re.match(r"[\d.]+?(?=\.[a-z])", file.name)
    assert found
    return found.group()


def is_real(file: Path) -> bool:
    """Tell whether a file may have been written for its release: all its imports are there."""
    origin = release(file)
    reading = Reading(file.read_text("utf-8"), MODULE, origin, TARGET)
    return reaches(origin, FIRST) and reading.before.loads(origin)


EVERY = (*HERE.glob("cases/*/*.before.py"), *HERE.glob("steps/*.py"))
FILES = sorted(path.relative_to(HERE) for path in EVERY if is_real(path))


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
