"""`docs/migrate.md` is made of the codemods' own words and of one of each one's cases."""

from __future__ import annotations

from itertools import groupby

import pytest

from mmport.codemods.migrate.changes import CODEMODS
from mmport.codemods.migrate.codemod import Codemod
from mmport.core.markdown import code_span, escape, table
from tests.conftest import ROOT
from tests.golden.examples import example

PAGE = ROOT / "docs" / "migrate.md"
CASES = ROOT / "tests" / "unit" / "codemods" / "migrate" / "cases"
HEAD = """# What `mmport migrate` changes

Each change of vLLM's API that a model file has to follow is a codemod of its own. A file goes \
through those that lie between its release and the other, in this order. *Look* is said of a \
change after which the file does something in another way: see it once. What a codemod cannot do \
safely it tells instead, with line, reason and what to write. `mmport check --fix` uses those \
that nobody has to look at. The examples are the tests' own; `make golden` makes this page.
"""


def page() -> str:
    parts = [HEAD]
    for since, group in groupby(CODEMODS, lambda one: one.since):
        found = list(group)
        parts.append(f"## {f'Since {since}' if since else 'Between any two releases'}\n")
        header = ("change", "what it does", "instead", "look", "see")
        parts.append(table(header, [row(one) for one in found]) + "\n")
        parts += [part for one in found for part in example(CASES / one.id, one.id)]
    return "\n".join(parts)


def row(codemod: Codemod) -> list[str]:
    look = "yes" if codemod.risk == "review" else ""
    told = (codemod.summary, codemod.instead)
    return [code_span(codemod.id), *map(escape, told), look, escape(codemod.reference)]


def test_the_page_is_current(request: pytest.FixtureRequest) -> None:
    text = page()
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "docs/migrate.md is stale: make golden"
