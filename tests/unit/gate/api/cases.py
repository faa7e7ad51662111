"""Files that show what a rule finds and what it lets be; the page of rules is made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "cases"
_HEAD = re.compile(r"# vLLM (\S+)\n")
_MARK = re.compile(r"  # <- (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """A file, the release that it is held against, and what is found in it, by line."""

    name: str
    rule: str
    release: str
    text: str
    expected: dict[int, str]


def cases() -> list[Case]:
    """Read all cases; a file `NAME.fine.py` has nothing to find."""
    return [_case(file) for file in sorted(FOLDER.glob("*/*.py"))]


def _case(file: Path) -> Case:
    text = file.read_text()
    head = _HEAD.match(text)
    assert head is not None, f"{file.name} does not begin with the release"
    expected = {
        number: found[1]
        for number, line in enumerate(text.splitlines(), 1)
        if (found := _MARK.search(line))
    }
    assert bool(expected) is not file.name.endswith(".fine.py"), file.name
    return Case(f"{file.parent.name}-{file.stem}", file.parent.name, head[1], text, expected)


def shown(case: Case) -> str:
    """Give a case as a page shows it: what is found stands in a comment of its own line."""
    return _HEAD.sub("", case.text, count=1).rstrip()
