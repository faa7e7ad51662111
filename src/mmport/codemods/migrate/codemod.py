"""What a codemod of a migration is, what it is shown, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from mmport.codemods.imports import Imported
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.changes import reaches

Risk = Literal["safe", "review"]


@dataclass(frozen=True, slots=True)
class Edit:
    """A span of a file's text, in characters, and what takes its place."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """What a codemod saw and left for a person; `scope` names the class and method it is in."""

    scope: tuple[str, ...]
    message: str
    fix: str


@dataclass(slots=True)
class Edits:
    """What a codemod asks for: changes of the text, imports, and what it has to say."""

    changes: list[Edit] = field(default_factory=list)
    imports: list[Imported] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def put(self, start: int, end: int, text: str) -> None:
        """Put a text in the place of a span."""
        self.changes.append(Edit(start, end, text))

    def need(self, module: str, name: str) -> None:
        """Ask for `from module import name`."""
        self.imports.append(Imported(module, name, name))


@dataclass(frozen=True, slots=True)
class Codemod:
    """One change of vLLM's API, and how a file follows it.

    `since` is the release that made it necessary, empty if any may, and `outlives` the
    last one that takes the old way all the same: a file of that may be written in either.
    `instead` is what replaces what was there. `risk` is `review` where the file does something in
    another way afterwards that a person should look at once.

    Some files are to serve the releases before the change too. `bridge` writes what is
    right on both sides, where that is not what `apply` writes; `serves` is the first
    release that it is right for, empty if any, None if no code serves both sides.
    """

    id: str
    summary: str
    since: str
    instead: str
    reference: str
    risk: Risk
    apply: Callable[[Reading], Edits]
    outlives: str = ""
    serves: str | None = None
    bridge: Callable[[Reading], Edits] | None = None

    def lies_between(self, origin: str, target: str) -> bool:
        """Tell whether a file of one release needs the change for another."""
        if not self.since:
            return True
        both = self.outlives and reaches(self.outlives, origin)
        return reaches(target, self.since) and bool(both or not reaches(origin, self.since))


def distinct(codemods: tuple[Codemod, ...]) -> tuple[Codemod, ...]:
    """Pass codemods on, oldest change first; raises `ValueError` where two have one id."""
    ids = [one.id for one in codemods]
    if len(set(ids)) < len(ids):
        raise ValueError(f"two codemods of a migration have one id: {ids}")
    return codemods
