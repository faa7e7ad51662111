"""From what the user named to a model source."""

from __future__ import annotations

import re
from pathlib import Path

from mmport.core.errors import ModelNotFound, Usage
from mmport.hub.source import ModelSource

_REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)


def open_source(model: str, *, revision: str | None) -> ModelSource:
    """Open a local folder, or a hub repo at a commit.

    Where `HF_HUB_OFFLINE=1` is set, a hub repo is served from the cache alone.

    Args:
        model: a folder that is there, else a hub id (`org/name`).
        revision: branch, tag or commit of a hub repo.

    Raises:
        ModelNotFound: no such folder, repo or revision.
        Usage: a revision was asked of a local folder.
        SourceError: the hub refuses, or cannot be reached.
    """
    folder = _folder(model)
    if folder is not None:
        if revision is not None:
            raise Usage(
                f"{model} is a local folder and has no revisions",
                "leave --revision out, or name the model by its hub id",
            )
        from mmport.hub.local import LocalSource

        return LocalSource(model, folder)
    if _REPO_ID.fullmatch(model) is None or ".." in model or "--" in model:
        raise ModelNotFound(
            f"there is no folder {model}, and it is no hub id",
            "name a folder with a config.json, or a hub id such as org/name",
        )
    from mmport.hub.remote import open_repo

    return open_repo(model, revision=revision)


def _folder(model: str) -> Path | None:
    """The folder that the user named; None if there is none, or the text is no path."""
    try:
        path = Path(model).expanduser()
        return path if model and path.is_dir() else None
    except (OSError, ValueError, RuntimeError):
        return None
