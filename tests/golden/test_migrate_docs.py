"""`docs/migrate.md` is made of the codemods' own words and of their cases."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmport.codemods.migrate.changes import CODEMODS
from mmport.codemods.migrate.codemod import Codemod
from mmport.core.markdown import table
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "migrate.md"
CASES = ROOT / "tests" / "unit" / "codemods" / "migrate" / "cases"
HEAD = """# What `mmport migrate` changes

One codemod a change of vLLM's API, in the order in which they are applied; those are that lie \
between a file's release and the one that it is to serve. *Since* is the release that made the \
change necessary; a change without one is held against the catalog of the releases at hand. \
*Risk* is `safe` where the file means what it meant, and `review` where it does something in \
another way afterwards, which `migrate` tells so that a person looks at it once. The examples \
are the tests' own. `make golden` makes this page; `mmport migrate --codemods` lists what is on \
it, `--explain CODEMOD` tells of one.
"""


def page() -> str:
    rows = [
        [f"[{one.id}](#{one.id})", one.since or "any", one.risk, one.summary] for one in CODEMODS
    ]
    parts = [HEAD, table(("codemod", "since", "risk", "what it does"), rows) + "\n"]
    return "\n".join([*parts, *(part for one in CODEMODS for part in description(one))])


def description(codemod: Codemod) -> Iterator[str]:
    yield f"## {codemod.id}\n"
    since = f"Since vLLM {codemod.since}. " if codemod.since else ""
    yield f"{since}{codemod.summary}. In place of what was there: {codemod.instead}.\n"
    yield f"Risk: {codemod.risk}. Reference: {codemod.reference.rstrip('.')}.\n"
    before = min((CASES / codemod.id).glob("*.before.py"), key=size)
    yield f"A file of vLLM {release(before)}:\n"
    yield f"```diff\n{change(before)}\n```\n"


def size(case: Path) -> tuple[int, str]:
    return len(case.read_text("utf-8")), case.name


def release(case: Path) -> str:
    found = re.match(r"[\d.]+?(?=\.[a-z])", case.name)
    assert found
    return found.group()


def change(before: Path) -> str:
    after = before.with_name(before.name.replace(".before.", ".after."))
    old, new = (path.read_text("utf-8").splitlines() for path in (before, after))
    lines = list(difflib.unified_diff(old, new, n=2, lineterm=""))[2:]
    return "\n".join(line.rstrip() for line in lines)


def test_the_page_is_current(request: pytest.FixtureRequest) -> None:
    text = page()
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "docs/migrate.md is stale: make golden"


def test_every_codemod_has_its_heading() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"\n## {one.id}\n" in text for one in CODEMODS)
