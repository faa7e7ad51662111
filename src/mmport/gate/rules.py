"""The rules of the gate: how much each weighs, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from mmport.model.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `fix` may use `{port}` for the port's folder."""

    name: str
    severity: Severity
    fix: str

    def finding(self, message: str, *, port: str, file: str, line: int = 0) -> Finding:
        """Make a finding of this rule."""
        return Finding(
            severity=self.severity,
            rule=self.name,
            file=file,
            line=line,
            message=message,
            fix=self.fix.format(port=port),
        )


def _error(name: str, fix: str) -> Rule:
    return Rule(name, Severity.ERROR, fix)


LOCK_MISSING = _error("lock-missing", "generate the port with: mmport scaffold MODEL -o {port}")
LOCK_DAMAGED = _error(
    "lock-damaged", "restore mmport.lock from version control, or delete it and scaffold again"
)
FILE_MISSING = _error("file-missing", "write it again with: mmport scaffold MODEL -o {port}")
EDITED = _error("edited", "undo the edit, or make it part of the port with: mmport accept {port}")
UNLOCKED = _error(
    "file-unlocked", "remove it, or make it part of the port with: mmport accept {port}"
)
CONFLICT = _error("conflict", "settle the conflict, remove its marks, then: mmport accept {port}")
DRIFT = _error("drift", "write the port again with: mmport scaffold MODEL -o {port}")
OUTDATED = Rule(
    "outdated", Severity.NOTE, "to take the change: mmport scaffold MODEL -o {port}, then verify"
)
SYNTAX = _error("syntax", "mend the file; it is no Python")
LINT = _error("lint", "mend the line, or say why not with a noqa comment")
EVIDENCE_MISSING = _error("evidence-missing", "prove the port: mmport verify MODEL --port {port}")
EVIDENCE_DAMAGED = _error("evidence-damaged", "prove it again: mmport verify MODEL --port {port}")
EVIDENCE_FAILED = _error(
    "evidence-failed", "mend the port, then prove it: mmport verify MODEL --port {port}"
)
EVIDENCE_INCOMPLETE = _error(
    "evidence-incomplete", "prove all of it: mmport verify MODEL --port {port}"
)
EVIDENCE_OTHER_MODEL = _error(
    "evidence-other-model",
    "prove it with a model of its own architecture: mmport verify MODEL --port {port}",
)
EVIDENCE_STALE = _error("evidence-stale", "prove these files: mmport verify MODEL --port {port}")
EVIDENCE_TARGET = Rule(
    "evidence-target",
    Severity.WARNING,
    "prove it with the vLLM that it was written for: mmport verify MODEL --port {port}",
)
