"""One file on its way from one release of vLLM to another: read, changed, checked, written."""

from __future__ import annotations

import ast
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mmport.codemods.migrate.changes import CODEMODS, absolute_imports
from mmport.codemods.migrate.codemod import Note
from mmport.codemods.migrate.donor import Donor
from mmport.codemods.migrate.reading import Reading
from mmport.codemods.migrate.run import Applied, migrate_text
from mmport.codemods.migrate.shim.run import shim_text
from mmport.core.errors import TargetUnwritable
from mmport.core.files import write_text
from mmport.gate.api.check import check_source
from mmport.gate.api.origin import Origin, origin_of
from mmport.gate.reading import decoded, read_python, too_deep, with_line_feeds
from mmport.generation.diff import unified_diff
from mmport.model.finding import Finding, Severity
from mmport.usage.module_name import module_name
from mmport.usage.neighbours import may_concern
from mmport.usage.parsing import parsed
from mmport.usage.walking import walk
from mmport.vllm_api import store
from mmport.vllm_api.surface.modules import PACKAGE

NOTE = "migrate"
"""What findings are called that a codemod makes of what it left."""


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file to migrate; `origin` is empty if it is to be found out.

    `shim` if it is to serve every release from there to the target.
    """

    path: Path
    target: str
    origin: str = ""
    write: bool = False
    donor: Donor | None = None
    """A port of the model that the file serves, where it is known."""
    shim: bool = False


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of a file.

    `origin` is empty for a file that uses nothing of vLLM, or is no Python.
    `findings` are what the result still asks for that the target does not have.
    """

    file: str
    origin: str
    detected: str
    applied: tuple[Applied, ...]
    findings: tuple[Finding, ...]
    diff: str
    written: bool

    @property
    def would_change(self) -> bool:
        """Whether the file is not as it is migrated."""
        return bool(self.diff)


def migrate_file(task: FileTask) -> FileResult:
    """Migrate one file; it is written only where the task says so.

    Raises:
        TargetUnwritable: the file cannot be written.
    """
    path = task.path
    checked = read_python(path)
    if isinstance(checked, Finding):
        return FileResult(str(path), "", "", (), (checked,), "", written=False)
    if not may_concern(checked):
        return FileResult(str(path), "", "", (), (), "", written=False)
    encoding, text = decoded(path.read_bytes())
    try:
        return _migrated(task, encoding, text)
    except RecursionError:
        return FileResult(str(path), "", "", (), (too_deep(path),), "", written=False)


def _migrated(task: FileTask, encoding: str, text: str) -> FileResult:
    path = task.path
    module = module_name(path, parsed(text))
    found = Origin(task.origin) if task.origin else origin_of(text, module, task.target)
    foreign = is_foreign(path)
    reading = Reading(text, module, found.version, task.target, foreign, task.donor)
    # Where nothing is amiss, nothing has moved or is gone, and no change lies between.
    settled = found.is_sure and found.version == task.target and not task.origin
    if task.shim:
        done = shim_text(reading)
    else:
        done = migrate_text(reading, (absolute_imports.CODEMOD,) if settled else CODEMODS)
    releases = span_of(found.version, task.target) if task.shim else (task.target,)
    written = task.write and done.text != text
    if written:
        write_migrated(path, done.text, encoding)
    shown = with_line_feeds(done.text)
    return FileResult(
        str(path),
        found.version,
        "" if task.origin else _told(found, task.target),
        done.applied,
        tuple(_findings(path, shown, releases, done.notes)),
        unified_diff(_name(path), text, done.text),
        written,
    )


def is_foreign(path: Path) -> bool:
    """Tell a file outside vLLM, where relative imports of its modules do not hold."""
    return PACKAGE not in path.resolve().parts[:-1]


def write_migrated(path: Path, text: str, encoding: str) -> None:
    """Write a file anew in the encoding that it had.

    Raises:
        TargetUnwritable: it cannot be written, or is not meant to be.
    """
    if not path.stat().st_mode & stat.S_IWUSR:
        # It could be: a new file takes its place, for which the folder alone is asked.
        raise TargetUnwritable(f"{path} is read-only", "make it writable: chmod u+w")
    write_text(path, text, encoding)


def _name(path: Path) -> str:
    return path.name if path.is_absolute() else str(path)


def _told(found: Origin, target: str) -> str:
    """Say how the release of a file was found out."""
    if found.is_sure and found.version == target:
        return f"{target} has all that it asks for"
    if found.is_sure:
        return f"{found.version} is the newest release that has all that it asks for"
    parts = []
    if found.failing_imports:
        parts.append(f"{found.failing_imports} imports fail")
    if found.errors:
        parts.append(f"rules find {found.errors} errors")
    return f"no release has all that it asks for; in {found.version} {' and '.join(parts)}"


def span_of(first: str, last: str) -> tuple[str, ...]:
    """List the releases from one to another, both among them, oldest first."""
    places = store.places()
    return store.releases()[places[first] : places[last] + 1]


def _findings(
    path: Path, text: str, releases: tuple[str, ...], notes: tuple[Note, ...]
) -> Iterator[Finding]:
    places = _places(parsed(text)) if notes else {}
    for note in notes:
        line = places.get(note.scope, places.get(note.scope[:1], 0))
        yield Finding(
            Severity.WARNING, NOTE, str(path), line, note.message, note.fix, target=releases[-1]
        )
    yield from _together(check_source(path, text, releases), releases)


def _together(findings: Iterable[Finding], releases: tuple[str, ...]) -> Iterator[Finding]:
    """Tell what several releases of a span have to say of one place once, with the releases."""
    same: dict[tuple[object, ...], list[Finding]] = {}
    for one in findings:
        same.setdefault((one.rule, one.line, one.column, one.severity), []).append(one)
    for some in same.values():
        newest = some[-1]
        if len(releases) == 1:
            yield from some
        else:
            told = _ranges(list(dict.fromkeys(one.target or "" for one in some)), releases)
            yield replace(newest, message=f"{newest.message} (in vLLM {told})")


def _ranges(found: list[str], releases: tuple[str, ...]) -> str:
    """Write releases as ranges of those that follow one another."""
    runs: list[list[str]] = []
    for one in found:
        place = releases.index(one)
        if runs and runs[-1][-1] == releases[place - 1]:
            runs[-1].append(one)
        else:
            runs.append([one])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def _places(tree: ast.Module) -> dict[tuple[str, ...], int]:
    """Give the lines of classes and their methods, and of functions at the top."""
    found: dict[tuple[str, ...], int] = {
        (one.name,): one.lineno for one in tree.body if isinstance(one, ast.FunctionDef)
    }
    for node in walk(tree):
        if isinstance(node, ast.ClassDef):
            found[(node.name,)] = node.lineno
            for one in node.body:
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                    found[(node.name, one.name)] = one.lineno
    return found
