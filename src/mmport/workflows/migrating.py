"""One file on its way from one release of vLLM to another: read, changed, checked, written."""

from __future__ import annotations

import ast
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmport.codemods.migrate.changes import CODEMODS, absolute_imports
from mmport.codemods.migrate.codemod import Note
from mmport.codemods.migrate.donor import Donor
from mmport.codemods.migrate.reading import Reading
from mmport.codemods.migrate.run import Applied, migrate_text
from mmport.core.errors import TargetUnwritable
from mmport.core.files import write_text
from mmport.gate.api.check import check_source
from mmport.gate.api.origin import Origin, origin_of
from mmport.gate.reading import decoded, read_python, too_deep
from mmport.generation.diff import unified_diff
from mmport.model.finding import Finding, Severity
from mmport.usage.module_name import module_name
from mmport.usage.parsing import parsed
from mmport.vllm_api.surface.modules import PACKAGE

NOTE = "migrate"
"""What findings are called that a codemod makes of what it left."""


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file to migrate; `origin` is empty if it is to be found out."""

    path: Path
    target: str
    origin: str = ""
    write: bool = False
    donor: Donor | None = None
    """A port of the model that the file serves, where it is known."""


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
    if PACKAGE not in checked:
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
    foreign = PACKAGE not in path.resolve().parts[:-1]
    reading = Reading(text, module, found.version, task.target, foreign, task.donor)
    # Where nothing is amiss, nothing has moved or is gone, and no change lies between.
    settled = found.is_sure and found.version == task.target and not task.origin
    done = migrate_text(reading, (absolute_imports.CODEMOD,) if settled else CODEMODS)
    written = task.write and done.text != text
    if written:
        write_migrated(path, done.text, encoding)
    shown = done.text.replace("\r\n", "\n").replace("\r", "\n")
    return FileResult(
        str(path),
        found.version,
        "" if task.origin else _told(found, task.target),
        done.applied,
        tuple(_findings(path, shown, task.target, done.notes)),
        unified_diff(_name(path), text, done.text),
        written,
    )


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


def _findings(path: Path, text: str, target: str, notes: tuple[Note, ...]) -> Iterator[Finding]:
    places = _places(parsed(text)) if notes else {}
    for note in notes:
        line = places.get(note.scope, places.get(note.scope[:1], 0))
        yield Finding(
            Severity.WARNING, NOTE, str(path), line, note.message, note.fix, target=target
        )
    yield from check_source(path, text, (target,))


def _places(tree: ast.Module) -> dict[tuple[str, ...], int]:
    """Give the lines of classes and their methods."""
    found: dict[tuple[str, ...], int] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            found[(node.name,)] = node.lineno
            for one in node.body:
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                    found[(node.name, one.name)] = one.lineno
    return found
