"""A rule about vLLM's API for tests: a name that releases no longer have."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from mmport.gate.registry import RULES
from mmport.gate.rule import Group, Rule, by_name
from mmport.model.finding import Finding, Severity

OLD_NAME = Rule(
    "old-name",
    "A name that the release does not have.",
    Severity.ERROR,
    "use the new name",
    Group.API,
    since="0.31.0",
    reference="vllm.model_executor.models.interfaces",
)
KNOWN = by_name(RULES.values(), [OLD_NAME])


def check(path: Path, text: str, targets: tuple[str, ...]) -> Iterator[Finding]:
    """Find every use of `old`, once for each release."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and node.id == "old":
            for target in targets:
                yield OLD_NAME.finding(
                    "old is gone",
                    file=str(path),
                    line=node.lineno,
                    column=node.col_offset + 1,
                    target=target,
                )
