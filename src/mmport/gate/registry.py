"""All rules there are, and what looks for those about vLLM's API."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from mmport.core.errors import Usage
from mmport.core.names import nearest
from mmport.gate.api.check import check_source
from mmport.gate.api.rules import API_RULES
from mmport.gate.rule import Rule, by_name
from mmport.gate.rules import PORT_RULES, SOURCE_RULES
from mmport.model.finding import Finding

SourceCheck = Callable[[Path, str, tuple[str, ...]], Iterable[Finding]]
"""Looks at one Python file: its path, its text, and the vLLM releases it is for.

The path is what a finding's `file` has to be. The text was read by the file's
own encoding, has a line feed at the end of lines, and is known to be Python.
"""

RULES = by_name(PORT_RULES, SOURCE_RULES, API_RULES)

SOURCE_CHECKS: tuple[SourceCheck, ...] = (check_source,)


def rule_named(name: str, where: str) -> Rule:
    """Find a rule by its name.

    Raises:
        Usage: there is none; `where` says who asked.
    """
    if name not in RULES:
        raise Usage(f"{where}: there is no rule {name!r}", nearest(name, RULES, "the rules are"))
    return RULES[name]
