"""A port as it is on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmport.core.errors import TargetUnwritable
from mmport.core.files import sha256_text
from mmport.gate.rule import Rule
from mmport.generation.lock import own_modules, read_lock
from mmport.generation.update import accepted_edit, read_text, text_hash
from mmport.model.finding import Finding
from mmport.model.lock import Lock


@dataclass(frozen=True, slots=True)
class Port:
    """A port's lock, and the text of each file that is part of the port (None: missing).

    Those are the files that the lock names and the modules in the package;
    `added` names the ones of them that were not generated.
    """

    folder: Path
    lock: Lock
    texts: Mapping[str, str | None]
    added: tuple[str, ...]

    def finding(self, rule: Rule, path: str, message: str, line: int = 0) -> Finding:
        """Make a finding about a file of the port."""
        return rule.finding(message, port=str(self.folder), file=str(self.folder / path), line=line)

    def is_edited(self, path: str) -> bool:
        """Tell whether a file is neither as generated nor as accepted."""
        digest = self.digest(path)
        edit = accepted_edit(self.lock, path)
        return digest != self._recorded(path) and (edit is None or edit.sha256 != digest)

    def digest(self, path: str) -> str | None:
        """Hash a file as it is; None if it is missing."""
        text = self.texts.get(path)
        return None if text is None else text_hash(text)

    def pristine(self, path: str) -> str | None:
        """Give the text that was generated, where it is still known."""
        recorded = self._recorded(path)
        if self.digest(path) == recorded:
            return self.texts.get(path)
        edit = accepted_edit(self.lock, path)
        known = edit is not None and sha256_text(edit.pristine) == recorded
        return edit.pristine if edit is not None and known else None

    def _recorded(self, path: str) -> str | None:
        return next((item.sha256 for item in self.lock.files if item.path == path), None)


def open_port(folder: Path) -> Port:
    """Read a port's lock and files.

    Raises:
        PortUnreadable: there is no lock, or it is damaged.
    """
    lock = read_lock(folder)
    generated = [item.path for item in lock.files]
    accepted = (item.path for item in lock.accepted if item.path not in generated)
    added = tuple(sorted({*accepted, *own_modules(folder, lock)}))
    texts = {path: _text(folder / path) for path in (*generated, *added)}
    return Port(folder, lock, texts, added)


def _text(path: Path) -> str | None:
    """Read a file; what cannot be read is as good as missing."""
    try:
        return read_text(path)
    except TargetUnwritable:
        return None
