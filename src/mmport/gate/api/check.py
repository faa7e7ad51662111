"""Holds a file against releases: every rule, every release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from mmport.gate.api.hit import Hit
from mmport.gate.api.rules import CHECKS
from mmport.gate.rule import Rule
from mmport.model.finding import Finding, Severity
from mmport.usage.module_name import module_name
from mmport.usage.neighbours import may_concern
from mmport.usage.parsing import model_file, parsed
from mmport.usage.view import View
from mmport.vllm_api.surface.release import names_of
from mmport.vllm_api.surface.stubs import ModuleName


def check_source(path: Path, text: str, targets: tuple[str, ...]) -> Iterator[Finding]:
    """Find what a Python file asks of vLLM that a release does not have.

    Args:
        path: the file, which also tells its module where it lies in a copy of vLLM.
        text: its text, which is Python.
        targets: the releases to hold it against.
    """
    if not may_concern(text):
        return
    module, lines = module_name(path, parsed(text)), text.split("\n")
    for target in targets:
        for rule, hit in hits(text, module, target):
            yield _finding(rule, hit, path, target, _column(hit, lines))


@lru_cache(maxsize=4)
def hits(text: str, module: ModuleName, target: str) -> tuple[tuple[Rule, Hit], ...]:
    """Hold a text against one release, as the module that it stands in."""
    view = View(model_file(text, module), names_of(target))
    return tuple((rule, hit) for rule, check in CHECKS for hit in check(view))


def _finding(rule: Rule, hit: Hit, path: Path, target: str, column: int) -> Finding:
    node = hit.node
    found = rule.finding(
        hit.message,
        file=str(path),
        line=node.lineno,
        column=column,
        target=target,
        fix=hit.fix,
    )
    mild = hit.mild and rule.severity is Severity.ERROR
    return replace(found, severity=Severity.WARNING) if mild else found


def _column(hit: Hit, lines: Sequence[str]) -> int:
    """Count characters from 1; the syntax tree counts bytes from 0."""
    before = lines[hit.node.lineno - 1].encode()[: hit.node.col_offset]
    return len(before.decode(errors="replace")) + 1
