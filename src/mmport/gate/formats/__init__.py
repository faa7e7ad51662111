"""How findings are printed: for a person, as JSON, for GitHub, as SARIF."""

from __future__ import annotations

from enum import StrEnum


class CheckFormat(StrEnum):
    """How `mmport check` prints its findings."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


def advice(message: str, fix: str) -> str:
    """Put what to do behind what is wrong."""
    return f"{message}\nfix: {fix}" if fix else message
