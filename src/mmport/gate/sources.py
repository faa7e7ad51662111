"""What is to be checked: the ports and Python files that paths stand for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmport.core.errors import Usage
from mmport.generation.lock import evidence_path
from mmport.model.lock import LOCK_NAME

_FOREIGN = {"__pycache__", "node_modules"}
_PYTHON = ".py"
_HINT = "name the folder of a port, a Python file, or a folder that holds some"

Excluded = Callable[[Path], bool]


@dataclass(frozen=True, slots=True)
class Sources:
    """The ports and files to check, each once, in the order of the paths.

    `unreadable` are folders that could not be listed, with the reason.
    """

    ports: tuple[Path, ...]
    files: tuple[Path, ...]
    unreadable: tuple[tuple[Path, str], ...] = ()


def collect(paths: Sequence[Path], excluded: Excluded) -> Sources:
    """Find the ports and the Python files that `paths` stand for.

    A folder with a lock is a port, and so is the lock itself by its name; of any
    other folder it is every module below it, and every port. Hidden folders,
    environments and caches are passed over, and links to folders are not followed.

    Raises:
        Usage: there are no paths, or one is missing, is neither a folder nor a Python
            file, or is a folder with nothing in it that could be checked.
    """
    if not paths:
        raise Usage("nothing to check", _HINT)
    found = _Found(excluded)
    for path in paths:
        found.add(path)
    return Sources(
        tuple(found.ports.values()), tuple(found.files.values()), tuple(found.unreadable)
    )


def is_port(folder: Path) -> bool:
    """Tell whether a folder is a port; one that lost its lock is known by its evidence."""
    return (folder / LOCK_NAME).exists() or (folder / evidence_path("port")).is_file()


class _Found:
    """Ports and files by where they really are, so that each is there once."""

    def __init__(self, excluded: Excluded) -> None:
        self.ports: dict[str, Path] = {}
        self.files: dict[str, Path] = {}
        self.unreadable: list[tuple[Path, str]] = []
        self._excluded = excluded

    def add(self, path: Path) -> None:
        """Take up one path as the user gave it."""
        if path.name == LOCK_NAME and path.is_file():
            path = path.parent
        _require(path)
        if self._excluded(path):
            return
        if path.is_file():
            self._file(path)
        elif not self._folder(path):
            raise Usage(
                f"nothing to check in {path}: no {LOCK_NAME} and no Python file",
                _HINT,
            )

    def _folder(self, top: Path) -> bool:
        """Take up what a folder holds; False if that is nothing, not even something excluded."""
        anything = False
        for folder, names, files in os.walk(top, onerror=self._unlisted):
            here = Path(folder)
            if is_port(here):
                names.clear()
                self.ports.setdefault(os.path.realpath(here), here)
                anything = True
                continue
            inside = sorted(name for name in names if _enters(here / name))
            names[:] = [name for name in inside if not self._excluded(here / name)]
            modules = [here / name for name in sorted(files) if _is_module(name)]
            for path in modules:
                if not self._excluded(path):
                    self._file(path)
            anything = anything or bool(modules) or names != inside
        return anything or bool(self.unreadable)

    def _file(self, path: Path) -> None:
        self.files.setdefault(os.path.realpath(path), path)

    def _unlisted(self, error: OSError) -> None:
        self.unreadable.append((Path(error.filename), error.strerror or str(error)))


def _require(path: Path) -> None:
    if not os.path.lexists(path):
        raise Usage(f"there is no {path}", _HINT)
    if not (path.is_dir() or path.is_file()):
        raise Usage(f"{path} is neither a file nor a folder", _HINT)
    if path.is_file() and path.suffix != _PYTHON:
        raise Usage(f"{path} is not a Python file", _HINT)


def _enters(folder: Path) -> bool:
    """Tell whether a walk goes into a folder."""
    hidden = folder.name.startswith(".")
    return not (hidden or folder.name in _FOREIGN or (folder / "pyvenv.cfg").exists())


def _is_module(name: str) -> bool:
    # A name with a dot in front is an editor's lock or backup.
    return name.endswith(_PYTHON) and not name.startswith(".")
