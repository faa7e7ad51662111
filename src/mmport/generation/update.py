"""Brings a folder up to date with what is generated now, never over a user's edit."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mmport.core.errors import EditedFiles, TargetUnwritable, Usage
from mmport.core.files import write_tree
from mmport.generation.lock import lock_text, new_lock, read_lock
from mmport.generation.merge import merge
from mmport.generation.render import render_port
from mmport.model.lock import LOCK_NAME, AcceptedEdit, Lock
from mmport.model.plan import PortPlan
from mmport.model.spec import VlmSpec


class State(StrEnum):
    """What a file is, against what was generated before and what is generated now."""

    NEW = "new"
    UNCHANGED = "unchanged"
    OUTDATED = "outdated"
    """As it was generated, and generated otherwise now."""
    ACCEPTED = "accepted"
    """Edited and accepted; what is generated has not changed."""
    MERGED = "merged"
    """Edited and accepted; the edit is carried over to what is generated now."""
    CONFLICT = "conflict"
    """As MERGED, but both changed the same lines."""
    EDITED = "edited"
    """Edited and not accepted, or the user's own file in a generated one's place."""
    OVERWRITTEN = "overwritten"
    """As EDITED, but overwriting was asked for."""
    OBSOLETE = "obsolete"
    """As it was generated, and no longer generated."""


_STAYS = {State.UNCHANGED, State.ACCEPTED, State.EDITED}


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of the port: its text on disk and to be; None where there is none."""

    path: str
    state: State
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Update:
    """What bringing a folder up to date would do; nothing is written yet."""

    folder: Path
    changes: tuple[FileChange, ...]
    lock: Lock
    lock_before: str | None

    @property
    def pending(self) -> tuple[FileChange, ...]:
        """The changes that write or remove a file, the lock's own among them."""
        after = lock_text(self.lock)
        changes = [change for change in self.changes if change.state not in _STAYS]
        if after != self.lock_before:
            state = State.NEW if self.lock_before is None else State.OUTDATED
            changes.append(FileChange(LOCK_NAME, state, self.lock_before, after))
        return tuple(changes)

    @property
    def edited(self) -> tuple[str, ...]:
        """The files that stand in the way: edited and not accepted."""
        return tuple(item.path for item in self.changes if item.state is State.EDITED)

    @property
    def conflicts(self) -> tuple[str, ...]:
        """The files in which an accepted edit and a new text collide."""
        return tuple(item.path for item in self.changes if item.state is State.CONFLICT)


def plan_update(folder: Path, plan: PortPlan, spec: VlmSpec, *, force: bool = False) -> Update:
    """Compare a folder with what is generated from a plan.

    Args:
        folder: where the port is, or is to be.
        plan: the plan of the port.
        spec: the model that it was planned for.
        force: overwrite edited files that were not accepted.

    Raises:
        TargetUnwritable: `folder` is not a folder, or cannot be read.
        PortUnreadable: there is a lock in it, and it is damaged.
        Usage: it holds another port.
    """
    check_folder(folder)
    lock_before = read_text(folder / LOCK_NAME)
    old = None if lock_before is None else read_lock(folder)
    if old is not None:
        _check_same_port(folder, old.plan, plan)
        spec = _known_source(old.spec, spec)
    generated = render_port(plan, spec)
    for path in generated:
        check_folder((folder / path).parent)
    changes = [_compare(folder, path, text, old, force) for path, text in generated.items()]
    changes += _obsolete(folder, generated, old)
    lock = _next_lock(new_lock(plan, spec, generated), old, changes, generated)
    return Update(folder, tuple(changes), lock, lock_before)


def check_folder(folder: Path) -> None:
    """Refuse a place that can never be a port's folder, before any work is done for it.

    Raises:
        TargetUnwritable: something else than a folder is there, or above it.
    """
    for path in (folder, *folder.parents):
        if path.exists():
            if not path.is_dir():
                raise TargetUnwritable(f"{path} is not a folder", "choose another folder with -o")
            return


def apply_update(update: Update, proof: Mapping[str, str] | None = None) -> None:
    """Write what has changed, all of it or nothing.

    Args:
        update: what is to be written.
        proof: files that go with it (path to text), the lock with their digests among them.

    Raises:
        EditedFiles: files were edited and not accepted; nothing is written.
        TargetUnwritable: the folder cannot be written.
    """
    refuse_edited(update)
    pending = update.pending
    texts = {item.path: item.after for item in pending if item.after is not None}
    texts |= proof or {}
    if texts:
        write_tree(update.folder, texts)
    for item in pending:
        if item.after is None:
            (update.folder / item.path).unlink(missing_ok=True)
            with suppress(OSError):  # not empty: something of the user's is in it
                (update.folder / item.path).parent.rmdir()


def refuse_edited(update: Update) -> None:
    """Refuse to overwrite edits.

    Raises:
        EditedFiles: files were edited and not accepted.
    """
    if update.edited:
        raise EditedFiles(
            f"edited and not accepted: {', '.join(update.edited)} in {update.folder}",
            f"keep the edits with `mmport accept {update.folder}`, "
            "or overwrite these files with --force",
        )


def read_text(path: Path) -> str | None:
    """Read a file as it is, newlines too; None if there is none.

    Bytes that are no UTF-8 are kept apart from any text that could be generated.

    Raises:
        TargetUnwritable: there is something, and it cannot be read as a file.
    """
    try:
        return path.read_bytes().decode(errors="surrogateescape")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise TargetUnwritable(
            f"{path} cannot be read: {error.strerror or error}",
            "choose another folder with -o, or move it away",
        ) from error


def text_hash(text: str) -> str:
    """Hash what `read_text` read, as the bytes that it was."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _check_same_port(folder: Path, old: PortPlan, new: PortPlan) -> None:
    if (old.names, old.layout) != (new.names, new.layout):
        raise Usage(
            f"{folder} holds the port of {old.architecture} with layout {old.layout}",
            "choose another folder with -o",
        )


def _known_source(old: VlmSpec, new: VlmSpec) -> VlmSpec:
    """Keep the name of a local model whose folder is called otherwise now."""
    before, now = old.source, new.source
    same = before.kind == now.kind == "local" and before.files == now.files
    return dataclasses.replace(new, source=before) if same else new


def _compare(folder: Path, path: str, text: str, old: Lock | None, force: bool) -> FileChange:
    on_disk = read_text(folder / path)
    if on_disk is None:
        return FileChange(path, State.NEW, None, text)
    if on_disk == text:
        return FileChange(path, State.UNCHANGED, on_disk, text)
    digest = text_hash(on_disk)
    if old and digest in {item.sha256 for item in old.files if item.path == path}:
        return FileChange(path, State.OUTDATED, on_disk, text)
    edit = accepted_edit(old, path)
    if edit is not None and edit.sha256 == digest:
        return _carry_over(edit, on_disk, text)
    return FileChange(path, State.OVERWRITTEN if force else State.EDITED, on_disk, text)


def _carry_over(edit: AcceptedEdit, on_disk: str, text: str) -> FileChange:
    if edit.pristine == text:
        return FileChange(edit.path, State.ACCEPTED, on_disk, on_disk)
    merged = merge(pristine=edit.pristine, edited=on_disk, generated=text)
    state = State.CONFLICT if merged.conflicts else State.MERGED
    return FileChange(edit.path, state, on_disk, merged.text)


def _obsolete(folder: Path, generated: dict[str, str], old: Lock | None) -> Iterator[FileChange]:
    for item in old.files if old else ():
        on_disk = None if item.path in generated else read_text(folder / item.path)
        if on_disk is not None and text_hash(on_disk) == item.sha256:
            yield FileChange(item.path, State.OBSOLETE, on_disk, None)


def accepted_edit(lock: Lock | None, path: str) -> AcceptedEdit | None:
    """Find the accepted edit of a file."""
    return next((item for item in lock.accepted if item.path == path), None) if lock else None


def _next_lock(
    fresh: Lock, old: Lock | None, changes: list[FileChange], generated: dict[str, str]
) -> Lock:
    if old is None:
        return fresh
    edits = [_next_edit(item, accepted_edit(old, item.path), generated) for item in changes]
    edits += _added(old, generated)
    same = (old.spec, old.plan, old.files) == (fresh.spec, fresh.plan, fresh.files)
    return dataclasses.replace(
        fresh,
        # What a port was generated with matters only where it made a difference.
        versions=old.versions if same else fresh.versions,
        accepted=tuple(edit for edit in edits if edit is not None),
        evidence=old.evidence,
    )


def _added(old: Lock, generated: dict[str, str]) -> Iterator[AcceptedEdit]:
    """Give the accepted modules of the user's own: generating has no say in them."""
    known = {item.path for item in old.files} | generated.keys()
    yield from (edit for edit in old.accepted if edit.path not in known)


def _next_edit(
    change: FileChange, edit: AcceptedEdit | None, generated: dict[str, str]
) -> AcceptedEdit | None:
    """Give the accepted edit of a file as the next lock has it."""
    if edit is None or change.after is None:
        return None
    match change.state:
        case State.ACCEPTED | State.EDITED:
            return edit
        case State.CONFLICT:
            # The marked text is not accepted: the user has to settle it first.
            return dataclasses.replace(edit, pristine=generated[change.path])
        case State.MERGED if change.after != generated[change.path]:
            digest = text_hash(change.after)
            return AcceptedEdit(change.path, digest, generated[change.path])
        case _:
            return None
