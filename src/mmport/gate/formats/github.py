"""Findings as GitHub's workflow commands, which become annotations of a change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mmport.gate.checking import Checked
from mmport.gate.formats import advice
from mmport.gate.paths import below
from mmport.model.finding import Finding, Severity

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def commands(checked: Checked, here: Path) -> Iterator[str]:
    """Write one line a finding; files are named from the folder `here` on."""
    for finding in checked.findings:
        yield _command(finding, below(here / finding.file, here) or finding.file)


def _command(finding: Finding, file: str) -> str:
    title = f"mmport {finding.rule}"
    if finding.target:
        title += f" (vLLM {finding.target})"
    properties = {
        "file": file,
        "line": finding.line,
        "endLine": finding.end_line,
        "col": finding.column,
        "title": title,
    }
    said = ",".join(f"{key}={_property(str(it))}" for key, it in properties.items() if it)
    return f"::{_COMMANDS[finding.severity]} {said}::{_data(advice(finding.message, finding.fix))}"


def _data(text: str) -> str:
    # The percent sign comes first, as it begins what the others become.
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
