"""`docs/rewrite.md` is made of the steps' own words and of one of each one's cases."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.codemods.rewrite.run import FIRST_STEPS, STEPS
from mmport.codemods.rewrite.step import Step
from mmport.core.markdown import code_span, escape, table
from mmport.generation.diff import unified_diff
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "rewrite.md"
CASES = ROOT / "tests" / "unit" / "codemods" / "rewrite" / "cases"
CONTRACTS = {
    "current": ("For a current vLLM", STEPS),
    "first": ("For vLLM's first multimodal API, 0.5.1 to 0.8.4", FIRST_STEPS),
}
HEAD = """# What `mmport rewrite` does

A text-only class becomes multimodal in steps. Each is a codemod of its own, leaves alone what \
is there already, and keeps every comment. What a step puts in is what `mmport scaffold` writes \
for the same model and release. The examples are the tests' own; `make golden` makes this page.
"""


def page() -> str:
    parts = [HEAD]
    for contract, (title, steps) in CONTRACTS.items():
        rows = [
            [code_span(step.id), step.summary, step.since, escape(step.reference)] for step in steps
        ]
        parts += [f"## {title}\n", table(("step", "what it does", "since", "see"), rows) + "\n"]
        parts += [part for step in steps for part in example(contract, step)]
    return "\n".join(parts)


def example(contract: str, step: Step) -> list[str]:
    """The shortest of a step's cases, as a diff; none where another contract shows it."""
    found = sorted((CASES / contract / step.id).glob("*.after.py"), key=_size)
    if not found:
        return []
    before = found[0].with_name(found[0].name.replace(".after.", ".before."))
    diff = unified_diff("finch.py", before.read_text("utf-8"), found[0].read_text("utf-8"))
    return [f"### {step.id}\n", f"```diff\n{diff}```\n"]


def _size(path: Path) -> tuple[int, str]:
    return path.stat().st_size, path.name


def test_the_page_is_current(request: pytest.FixtureRequest) -> None:
    text = page()
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "docs/rewrite.md is stale: make golden"
