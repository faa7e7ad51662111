"""`mmport check --rules` and `--explain`: what the gate looks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mmport.core.output import Format, Sink
from mmport.gate.formats import CheckFormat

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mmport.gate.rule import Rule

RULES_SCHEMA = "mmport.rules/1"


def show_rules(name: str | None, how: CheckFormat) -> None:
    """List all rules, or explain the one called `name`.

    Raises:
        Usage: there is no such rule, or the format has no place for rules by themselves.
    """
    from mmport.core.errors import Usage
    from mmport.gate.registry import RULES, rule_named

    if how not in (CheckFormat.TEXT, CheckFormat.JSON):
        raise Usage(f"rules are not printed as {how}", "choose --format text or json")
    rules = tuple(RULES.values()) if name is None else (rule_named(name, "--explain"),)
    page = _table(rules) if name is None else _explanation(rules[0])
    document = {"schema": RULES_SCHEMA, "rules": [_facts(rule) for rule in rules]}
    Sink(Format(how.value)).result(document, page)


def _facts(rule: Rule) -> dict[str, object]:
    return {
        "name": rule.name,
        "group": rule.group,
        "severity": rule.severity,
        "summary": rule.summary,
        "fix": rule.fix,
        "since": rule.since,
        "reference": rule.reference,
        "documentation": rule.documentation,
        "suppressible": rule.suppressible,
    }


def _table(rules: Iterable[Rule]) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("group", "severity", "rule", "summary"):
        table.add_column(heading, no_wrap=heading != "summary")
    for rule in rules:
        table.add_row(rule.group.value, rule.severity.value, rule.name, rule.summary)
    return table


def _explanation(rule: Rule) -> RenderableType:
    from rich.text import Text

    silence = f"# mmport: ignore[{rule.name}] reason"
    facts = {
        "severity": rule.severity.value,
        "about": rule.group.value,
        "since": rule.since and f"vLLM {rule.since}",
        "see": rule.reference,
        "fix": rule.fix.replace("{port}", "PORT"),
        "silence": silence if rule.suppressible else "in pyproject.toml alone, not by a comment",
        "more": rule.documentation,
    }
    lines = [f"  {key:<9} {value}" for key, value in facts.items() if value]
    return Text("\n".join([rule.name, f"  {rule.summary}", *lines]))
