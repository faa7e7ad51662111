from __future__ import annotations

import pytest

from mmport.core.errors import Usage
from mmport.gate import rules
from mmport.gate.registry import RULES, rule_named
from mmport.gate.rule import Group, Rule, by_name
from mmport.model.finding import Finding, Severity
from tests.unit.gate.old_names import OLD_NAME


def test_two_rules_of_one_name_are_an_error() -> None:
    with pytest.raises(ValueError, match="two rules called 'edited'"):
        by_name([rules.EDITED], [rules.DRIFT, rules.EDITED])


def test_every_rule_of_the_module_is_in_the_registry() -> None:
    written = {item.name: item for item in vars(rules).values() if isinstance(item, Rule)}
    assert {name: RULES.get(name) for name in written} == written


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_a_rule_says_what_is_wrong_and_what_to_do(rule: Rule) -> None:
    assert rule.summary.endswith(".")
    assert rule.fix.strip()
    assert rule.documentation == f"docs/rules.md#{rule.name}"


@pytest.mark.parametrize("name", ["", "Old", "old name", "old_name", "-old", "old-", "a]b"])
def test_a_name_is_words_joined_by_dashes(name: str) -> None:
    with pytest.raises(ValueError, match="no name of a rule"):
        Rule(name, "Wrong.", Severity.NOTE, "mend it")


def test_only_rules_about_the_api_can_be_silenced_by_comments() -> None:
    assert OLD_NAME.suppressible
    assert not [rule.name for rule in RULES.values() if rule.suppressible != (rule.group == "api")]


def test_a_finding_has_the_rules_weight_and_fix() -> None:
    rule = Rule("wrong", "Wrong.", Severity.WARNING, "mend {port}, not {this}", Group.PORT)
    assert rule.finding("is wrong", file="a.py", port="p") == Finding(
        Severity.WARNING, "wrong", "a.py", 0, "is wrong", "mend p, not {this}"
    )
    found = rule.finding("m", file="a", line=2, column=3, end_line=4, target="0.32.0", fix="other")
    assert (found.line, found.column, found.end_line) == (2, 3, 4)
    assert (found.target, found.fix) == ("0.32.0", "other")


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    assert rule_named("drift", "--select") is rules.DRIFT
    with pytest.raises(Usage, match="--select: there is no rule 'drfit'") as caught:
        rule_named("drfit", "--select")
    assert caught.value.hint == "did you mean 'drift'?"
