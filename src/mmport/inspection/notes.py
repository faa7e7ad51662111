"""What inspection has to say besides the spec."""

from __future__ import annotations

from mmport.model.finding import Finding, Severity


def warning(rule: str, file: str, message: str, fix: str) -> Finding:
    """Make a finding about a file of the model source."""
    return Finding(Severity.WARNING, f"inspect.{rule}", file, 0, message, fix)
