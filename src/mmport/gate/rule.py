"""`Rule`: what the gate can find, how much it weighs, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from mmport.model.finding import Finding, Severity

PAGE = "docs/rules.md"
"""The page that describes every rule under a heading of its name."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Group(StrEnum):
    """What a rule is about, which also decides whether a comment may silence it."""

    PORT = "port"
    """The gate as such: lock, files, evidence of a port."""
    SOURCE = "source"
    """A file that can't be read, and the comments that silence findings."""
    API = "api"
    """What a file asks of vLLM."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: what configuration and comments call it; words joined by dashes.
        summary: what is wrong, in one sentence, of any file.
        severity: how much a finding weighs unless a project says otherwise.
        fix: what to do; may use `{port}` for the port's folder.
        group: what the rule is about.
        since: the vLLM release from which on it holds; empty where it is no matter
            of a release.
        reference: where vLLM says so: a module, a class, a method.
    """

    name: str
    summary: str
    severity: Severity
    fix: str
    group: Group = Group.PORT
    since: str = ""
    reference: str = ""

    def __post_init__(self) -> None:
        # The name is an anchor, a key in TOML and a word inside brackets.
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a rule: words joined by dashes")

    @property
    def documentation(self) -> str:
        """Where the rule is described, from the root of the repository."""
        return f"{PAGE}#{self.name}"

    @property
    def suppressible(self) -> bool:
        """Tell whether a comment in a file may silence it.

        That a port is as it was proven isn't for a line of that port to decide.
        """
        return self.group is Group.API

    def finding(
        self,
        message: str,
        *,
        file: str,
        line: int = 0,
        column: int = 0,
        end_line: int = 0,
        target: str = "",
        port: str = "",
        fix: str = "",
    ) -> Finding:
        """Make a finding of this rule; `fix` is for where this one asks for something else."""
        return Finding(
            severity=self.severity,
            rule=self.name,
            file=file,
            line=line,
            message=message,
            fix=fix or self.fix.replace("{port}", port),
            column=column,
            end_line=end_line,
            target=target,
        )


def by_name(*groups: Iterable[Rule]) -> Mapping[str, Rule]:
    """Put rules into one table.

    Raises:
        ValueError: two of them have one name.
    """
    table: dict[str, Rule] = {}
    for group in groups:
        for rule in group:
            if rule.name in table:
                raise ValueError(f"there are two rules called {rule.name!r}")
            table[rule.name] = rule
    return MappingProxyType(table)
