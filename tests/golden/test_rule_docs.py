"""`docs/rules.md` is made of the rules' own words and of their cases."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from mmport.core.markdown import table
from mmport.gate.api.rules import CHECKS
from mmport.gate.registry import RULES
from mmport.gate.rule import Group, Rule
from tests.conftest import ROOT
from tests.unit.gate.api.cases import Case, cases, shown

PAGE = ROOT / "docs" / "rules.md"
HEAD = """# What `mmport check` finds

Rules about vLLM's names hold a file against what a release offers, as the catalog has it, \
and need neither vLLM nor torch. A rule's severity can be changed in `pyproject.toml`; a line can \
silence one with its reason: `# mmport: ignore[rule] reason`. The examples are the tests' own: \
a comment `<-` stands where something is found. `make golden` makes this page.
"""
GROUPS = {
    Group.API: "What a file asks of vLLM",
    Group.PORT: "A port, its lock and its evidence",
    Group.SOURCE: "Files, and comments that silence",
}


def page() -> str:
    parts = [HEAD]
    for group, title in GROUPS.items():
        rules = [rule for rule in RULES.values() if rule.group is group]
        rows = [[f"[{rule.name}](#{rule.name})", rule.severity, rule.summary] for rule in rules]
        parts += [f"## {title}\n", table(("rule", "severity", "what it finds"), rows) + "\n"]
        parts += [part for rule in rules for part in description(rule)]
    return "\n".join(parts)


def description(rule: Rule) -> Iterator[str]:
    yield f"### {rule.name}\n"
    yield f"{why(rule) or rule.summary} To mend it: {rule.fix}.\n"
    of_rule = [case for case in cases() if case.rule == rule.name]
    wrong = min((one for one in of_rule if one.expected), key=size, default=None)
    fine = min((one for one in of_rule if not one.expected), key=size, default=None)
    for case, word in ((wrong, "is wrong"), (fine, "is fine")):
        if case is not None:
            yield f"On vLLM {case.release} this {word}:\n"
            yield f"```python\n{shown(case)}\n```\n"


def why(rule: Rule) -> str:
    """The first paragraph of what the rule's module says."""
    for known, check in CHECKS:
        if known is rule:
            return (sys.modules[check.__module__].__doc__ or "").partition("\n\n")[0]
    return ""


def size(case: Case) -> tuple[int, str]:
    return len(case.text), case.name


def test_the_page_is_current(request: pytest.FixtureRequest) -> None:
    text = page()
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "docs/rules.md is stale: make golden"


def test_every_rule_has_its_heading() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"\n### {name}\n" in text for name in RULES)
