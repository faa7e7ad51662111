"""File names that a model source hands us, held to its own folder."""

from __future__ import annotations

from pathlib import PurePosixPath

from mmport.core.errors import MalformedSource


def inside(name: str, *, told_by: str) -> str:
    """Give `name` back if it is a relative path that stays in the source's folder.

    Args:
        name: a file name from untrusted text.
        told_by: the file that holds the name, for the message.

    Raises:
        MalformedSource: it is absolute, climbs out, or is no plain file name.
    """
    path = PurePosixPath(name)
    plain = name.isprintable() and name == str(path) and not {"\\", ":"} & set(name)
    if not path.parts or not plain or path.is_absolute() or ".." in path.parts:
        raise MalformedSource(
            f"{told_by} names a file outside the model's folder: {name[:80]!r}",
            "do not use this model source: its file names are not to be trusted",
        )
    return name
