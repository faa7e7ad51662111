"""A port in a folder of its own, where it can be proven before it is handed over."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmport.core.errors import Objection, TargetUnwritable
from mmport.core.files import write_tree
from mmport.generation.lock import evidence_path, lock_text, own_modules
from mmport.generation.update import Update, apply_update, read_text, text_hash
from mmport.model.lock import LOCK_NAME


@contextmanager
def staged_copy(update: Update) -> Iterator[Path]:
    """Give a temporary folder with the port as it would be; it is gone afterwards.

    The user's own files in the package come along, as the port may use them.

    Raises:
        TargetUnwritable: the port could not be written to its place either.
    """
    with _temporary_folder(update.folder) as name:
        stage = Path(name) / "port"
        package = update.lock.plan.names.package
        if update.lock.plan.layout == "plugin" and (update.folder / package).is_dir():
            _copy(update.folder / package, stage / package)
        texts = {item.path: item.after for item in update.changes if item.after is not None}
        write_tree(stage, texts | {LOCK_NAME: lock_text(update.lock)})
        for item in update.changes:
            if item.after is None:
                (stage / item.path).unlink(missing_ok=True)
        yield stage


def hand_over(update: Update, stage: Path) -> None:
    """Write the port that was proven in `stage` to its place, with its evidence.

    Raises:
        Objection: the place is not as it was when the update was planned.
        TargetUnwritable: the place cannot be written.
    """
    before = {item.path: item.before for item in update.changes} | {LOCK_NAME: update.lock_before}
    changed = [path for path, text in before.items() if read_text(update.folder / path) != text]
    changed += _changed_modules(update, stage)
    if changed:
        raise Objection(
            f"{changed[0]} in {update.folder} changed while the port was proven; "
            "nothing was written",
            "run it again",
        )
    kept = (evidence_path("port"), LOCK_NAME)
    texts = {path: text for path in kept if (text := read_text(stage / path)) is not None}
    apply_update(update, texts)


def _changed_modules(update: Update, stage: Path) -> list[str]:
    """Name the user's own modules that are not those that were proven."""
    ours = (_modules(update.folder, update), _modules(stage, update))
    return sorted(path for path, _ in ours[0].items() ^ ours[1].items())


def _modules(folder: Path, update: Update) -> dict[str, str]:
    planned = {item.path for item in update.changes}
    paths = (path for path in own_modules(folder, update.lock) if path not in planned)
    return {path: text_hash(read_text(folder / path) or "") for path in paths}


def _temporary_folder(target: Path) -> tempfile.TemporaryDirectory[str]:
    """Make a folder beside a target that is not there yet; else anywhere."""
    try:
        if not target.exists():
            beside = next(parent for parent in target.absolute().parents if parent.exists())
            return tempfile.TemporaryDirectory(prefix=".mmport-", dir=beside)
        if os.access(target, os.W_OK):
            return tempfile.TemporaryDirectory(prefix="mmport-")
        why = "no permission"
    except OSError as error:
        why = error.strerror or str(error)
    raise TargetUnwritable(
        f"{target} cannot be written: {why}",
        "choose another folder with -o, or mend its permissions",
    )


def _copy(package: Path, to: Path) -> None:
    try:
        shutil.copytree(package, to, ignore=shutil.ignore_patterns("__pycache__"))
    except (OSError, shutil.Error) as error:
        raise TargetUnwritable(
            f"{package} cannot be copied: {error}", "mend the permissions of its files"
        ) from error
