"""The one output sink: data on stdout, talk on stderr."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mmport.core.errors import one_line

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult


class Format(StrEnum):
    """How a command prints its result."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Sink:
    """Where a command's result and its talk go."""

    format: Format = Format.TEXT

    def result(self, document: object, page: RenderableType) -> None:
        """Print a result: `document` as JSON, or `page` for a person."""
        if self.format is Format.JSON:
            self.document(document)
        else:
            console().print(_Printable(page))

    def document(self, document: object) -> None:
        """Print a document as JSON, whatever the format."""
        from mmport.core.jsonable import to_json

        sys.stdout.write(to_json(document))

    def line(self, line: str) -> None:
        """Print one line as a result, whatever the format: a path, a version."""
        sys.stdout.write(f"{_printable(line)}\n")

    def say(self, line: str) -> None:
        """Say one line to the person at the terminal."""
        lead = line[: len(line) - len(line.lstrip(" "))]
        self.say_text(lead + one_line(line))

    def say_text(self, text: str) -> None:
        """Say several lines as they are, such as a traceback; nothing for an empty text."""
        if text.strip():
            plain = _printable(text.rstrip())
            console(stderr=True).print(plain, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def progress(self, what: str) -> Iterator[Progress]:
        """Show a spinner on a terminal and plain lines elsewhere."""
        terminal = console(stderr=True)
        if not terminal.is_terminal:
            yield Progress(what, lambda line: self.say(f"{what}: {line}"))
            return
        from rich.text import Text

        with terminal.status(Text(one_line(what))) as status:
            yield Progress(what, lambda line: status.update(Text(one_line(f"{what}: {line}"))))

    @contextmanager
    def counted(self, what: str, total: int) -> Iterator[Counted]:
        """Show a bar on a terminal; elsewhere say each item as it is finished."""
        terminal = console(stderr=True)
        if not terminal.is_terminal:
            yield Counted(what, total, self.say, lambda line, done: None)
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[doing]}", markup=False),
        )
        with Progress(*columns, console=terminal, transient=True) as bar:
            task = bar.add_task(what, total=total, doing=what)
            yield Counted(
                what,
                total,
                self.say,
                lambda line, done: bar.update(task, completed=done, doing=one_line(line)),
            )


class _Printable:
    """A page without control characters in its text.

    Pages quote untrusted configs; an escape sequence in one must not reach the
    terminal. Colours are not in the text of rich's segments, so they stay.
    """

    def __init__(self, page: RenderableType) -> None:
        self._page = page

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._page, options):
            yield segment if segment.control else segment._replace(text=_printable(segment.text))


def _printable(text: str) -> str:
    return "".join(
        char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


class Progress:
    """One long piece of work, as it is told to the person waiting."""

    def __init__(self, what: str, tell: _Tell) -> None:
        self.what = what
        self._tell = tell

    def step(self, line: str) -> None:
        """Say what is being done now."""
        self._tell(line)


class Counted(Progress):
    """A long piece of work of which it is known how many items it has.

    Several threads may tell of theirs at once.
    """

    def __init__(self, what: str, total: int, say: _Tell, show: _Show) -> None:
        super().__init__(what, lambda line: show(line, self._finished))
        self._total = total
        self._finished = 0
        self._say = say
        self._show = show
        self._lock = threading.Lock()

    def done(self, line: str, items: int = 1) -> None:
        """Say that an item is finished, or several that one line tells of."""
        with self._lock:
            self._finished += items
            self._say(f"[{self._finished:>{len(str(self._total))}}/{self._total}] {line}")
            self._show(line, self._finished)


if TYPE_CHECKING:
    from collections.abc import Callable

    _Tell = Callable[[str], None]
    _Show = Callable[[str, int], None]


def console(*, stderr: bool = False) -> Console:
    """Make a console; pages that are piped keep a readable width."""
    from rich.console import Console

    probe = Console(stderr=stderr)
    return probe if probe.is_terminal else Console(stderr=stderr, width=100)
