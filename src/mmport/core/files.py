"""The one place that writes files: whole, or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePath

from mmport.core.errors import TargetUnwritable


def sha256_text(text: str) -> str:
    """Hash a text as it is written: UTF-8, newlines as they are."""
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """Hash a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Write one file atomically; folders above it are made.

    A file that is there keeps its permissions.

    Raises:
        TargetUnwritable: the folder or the file cannot be written.
        UnicodeEncodeError: the encoding has no character of the text; the file is as it was.
    """
    with _unwritable(path), _parents_of(path):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "w", encoding=encoding, newline="") as stream:
                stream.write(text)
            temporary.chmod(_file_mode(path))
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def require_writable(path: Path) -> None:
    """See that a file could be written, before the work that it is for is done.

    Raises:
        TargetUnwritable: the folder cannot be made or written.
    """
    missing = _missing_parents(path)
    with _unwritable(path), _parents_of(path):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(descriptor)
        Path(name).unlink()
    _remove_empty(missing)


def write_tree(folder: Path, files: Mapping[str, str]) -> None:
    """Write `files` (relative path to text) under `folder`.

    A folder that is not there yet appears whole: it is made beside its place
    and renamed. In one that is there, each file is replaced atomically, and
    those already replaced are restored if a later one cannot be written.

    Raises:
        TargetUnwritable: the folder cannot be written.
        ValueError: a path leaves the folder.
    """
    for name in files:
        _refuse_escape(name)
    if not folder.exists():
        with staged_folder(folder) as stage:
            for name, text in files.items():
                write_text(stage / name, text)
        return
    with _unwritable(folder):
        before = {folder / name: _bytes_or_none(folder / name) for name in files}
    made = [parent for path in before for parent in _missing_parents(path)]
    try:
        for name, text in files.items():
            write_text(folder / name, text)
    except BaseException:
        for path, content in before.items():
            _restore(path, content)
        _remove_empty(made)
        raise


@contextmanager
def staged_folder(folder: Path, *, replace: bool = True) -> Iterator[Path]:
    """Give a temporary folder beside `folder`; rename it into place on success.

    An existing `folder` is replaced, and kept where the new one cannot take
    its place; without `replace`, whoever made `folder` meanwhile is left alone
    and the new one is dropped. On an error nothing of the new one is left.

    Raises:
        TargetUnwritable: the parent cannot be written, or the rename failed.
    """
    folder = folder.absolute()
    with ExitStack() as stack:
        with _unwritable(folder):
            stack.enter_context(_parents_of(folder))
            stage = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        try:
            yield stage
            with _unwritable(folder):
                stage.chmod(0o777 & ~_umask())
                _swap_in(stage, folder, replace=replace)
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)
            raise


def copy_folder(source: Path, folder: Path) -> None:
    """Copy a folder; an existing `folder` is replaced, whole or not at all.

    Raises:
        TargetUnwritable: the parent cannot be written.
    """
    with staged_folder(folder) as stage, _unwritable(folder):
        shutil.copytree(source, stage, dirs_exist_ok=True)


def _swap_in(stage: Path, folder: Path, *, replace: bool) -> None:
    if not replace:
        try:
            stage.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
            shutil.rmtree(stage, ignore_errors=True)
        return
    if not folder.exists():
        stage.rename(folder)
        return
    retired = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.old."))
    try:
        folder.rename(retired / folder.name)
        try:
            stage.rename(folder)
        except BaseException:
            (retired / folder.name).rename(folder)
            raise
    finally:
        shutil.rmtree(retired, ignore_errors=True)


@contextmanager
def _parents_of(path: Path) -> Iterator[None]:
    """Make the folders above `path`; on an error remove those that were made."""
    missing = _missing_parents(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        _remove_empty(missing)
        raise


def _missing_parents(path: Path) -> list[Path]:
    return [parent for parent in path.parents if not parent.exists()]


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in sorted(folders, key=lambda folder: len(folder.parts), reverse=True):
        with suppress(OSError):
            folder.rmdir()


def _refuse_escape(name: str) -> None:
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{name!r} leaves the folder that it is to be written under")


def _bytes_or_none(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _restore(path: Path, content: bytes | None) -> None:
    with suppress(OSError):
        if content is None:
            path.unlink(missing_ok=True)
        elif path.read_bytes() != content:
            path.write_bytes(content)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _file_mode(path: Path) -> int:
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return 0o666 & ~_umask()


@contextmanager
def _unwritable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TargetUnwritable(
            f"{path} cannot be written: {error.strerror or error}",
            "choose another folder with -o, or mend its permissions",
        ) from error
