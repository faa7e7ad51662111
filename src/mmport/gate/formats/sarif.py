"""Findings as SARIF 2.1.0, the OASIS standard that code scanning services read."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mmport import __version__
from mmport.gate.checking import Checked
from mmport.gate.formats import advice
from mmport.gate.paths import below
from mmport.gate.reading import read_python
from mmport.gate.rule import Rule
from mmport.model.finding import Finding, Severity

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"
FINGERPRINT = "mmportFinding/v1"

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def sarif_log(checked: Checked, rules: Mapping[str, Rule], here: Path) -> dict[str, Any]:
    """Make the document; files are named from the folder `here` on.

    Which folder that is on this machine isn't in it: a service resolves the names
    in the repository, and the same findings give the same document anywhere.
    """
    driver = {
        "name": "mmport",
        "version": __version__,
        "rules": [_descriptor(rule) for rule in rules.values()],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": _text("The folder that mmport ran in.")}},
        "results": _results(checked.findings, list(rules), here),
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _descriptor(rule: Rule) -> dict[str, Any]:
    facts = [rule.summary]
    if rule.since:
        facts.append(f"Since vLLM {rule.since}.")
    if rule.reference:
        facts.append(f"See {rule.reference}.")
    properties = {"tags": [rule.group.value], "documentation": rule.documentation}
    return {
        "id": rule.name,
        "shortDescription": _text(rule.summary),
        "fullDescription": _text(" ".join(facts)),
        "help": _text(f"{' '.join(facts)} What to do: {rule.fix.replace('{port}', 'PORT')}"),
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": properties,
    }


def _results(findings: Iterable[Finding], rules: list[str], here: Path) -> list[dict[str, Any]]:
    lines_of = cache(_lines)
    alike: Counter[tuple[str, ...]] = Counter()
    results = []
    for finding in findings:
        location = _location(finding.file, here)
        lines = lines_of(here / finding.file) if finding.line else ()
        line = lines[finding.line - 1].strip() if 0 < finding.line <= len(lines) else ""
        # Neither the number of the line nor the releases: a line that is put in above
        # it, or another release that is checked for, makes no new finding.
        mark = (finding.rule, location["uri"], line)
        alike[mark] += 1
        results.append(
            {
                "ruleId": finding.rule,
                "ruleIndex": rules.index(finding.rule),
                "level": _LEVELS[finding.severity],
                "message": _text(advice(finding.message, finding.fix)),
                "locations": [{"physicalLocation": _physical(finding, location)}],
                "partialFingerprints": {FINGERPRINT: _digest(*mark, str(alike[mark]))},
                "properties": {"target": finding.target} if finding.target else {},
            }
        )
    return results


def _physical(finding: Finding, location: dict[str, str]) -> dict[str, Any]:
    if not finding.line:
        return {"artifactLocation": location}
    region = {"startLine": finding.line}
    if finding.column:
        region["startColumn"] = finding.column
    if finding.end_line:
        region["endLine"] = finding.end_line
    return {"artifactLocation": location, "region": region}


def _location(file: str, here: Path) -> dict[str, str]:
    name = below(here / file, here)
    if name is None:
        return {"uri": (here / file).resolve().as_uri()}
    return {"uri": quote(name), "uriBaseId": ROOT}


def _lines(path: Path) -> list[str]:
    text = read_python(path)
    return text.split("\n") if isinstance(text, str) else []


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _text(text: str) -> dict[str, str]:
    return {"text": text}
