"""The one table from `huggingface_hub`'s exceptions to ours."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mmport.core.errors import (
    GatedModel,
    HubOffline,
    MmportError,
    ModelNotFound,
    SourceError,
    TargetUnwritable,
)

_UNREACHED = (
    "check the network, or set HF_HUB_OFFLINE=1 to use what the cache holds; a local folder "
    "needs no hub"
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the hub was asked for."""

    repo: str
    revision: str | None
    file: str | None

    @property
    def thing(self) -> str:
        return f"{self.file} of {self.repo}" if self.file else self.repo


@contextmanager
def translated(repo: str, revision: str | None, file: str | None = None) -> Iterator[None]:
    """Turn what `huggingface_hub` raises into an error that says what to do.

    Raises:
        SourceError: the hub lacks it, refuses it, or cannot be reached.
        TargetUnwritable: the hub's cache cannot be written.
    """
    from huggingface_hub.errors import EntryNotFoundError

    expected: tuple[type[Exception], ...] = (*_transport_errors(), EntryNotFoundError, ValueError)
    try:
        yield
    except MmportError:
        raise
    except expected as error:
        raise _translate(error, _Asked(repo, revision, file)) from error


def _transport_errors() -> tuple[type[Exception], ...]:
    """Name what a request can raise: the HTTP library's base class, and OSError.

    huggingface_hub does not export the former, and has changed the library twice.
    """
    from huggingface_hub.errors import HfHubHTTPError

    return tuple(base for base in HfHubHTTPError.__bases__ if issubclass(base, Exception))


def _translate(error: Exception, asked: _Asked) -> MmportError:
    """Find the first entry of the table that fits; subclasses come before their bases."""
    from huggingface_hub import errors

    table: tuple[tuple[type[Exception], Callable[[Exception, _Asked], MmportError]], ...] = (
        (errors.GatedRepoError, _gated),
        (errors.DisabledRepoError, _disabled),
        (errors.RepositoryNotFoundError, _no_repo),
        (errors.RevisionNotFoundError, _no_revision),
        (errors.LocalEntryNotFoundError, _unreachable),
        (errors.EntryNotFoundError, _no_file),
        (errors.HFValidationError, _no_repo),
        (errors.OfflineModeIsEnabled, _offline),
        (errors.HfHubHTTPError, _refused),
        (ConnectionError, _unreachable),
        (TimeoutError, _unreachable),
        (OSError, _disk),
        (ValueError, _garbled),
        (Exception, _unreachable),
    )
    return next(make(error, asked) for kind, make in table if isinstance(error, kind))


def _gated(_: Exception, asked: _Asked) -> SourceError:
    return GatedModel(
        f"{asked.repo} is gated",
        "accept its licence on the hub's page of the model, then log in with `hf auth login`",
    )


def _disabled(_: Exception, asked: _Asked) -> SourceError:
    return ModelNotFound(f"the hub has disabled {asked.repo}", "choose another model")


def _no_repo(_: Exception, asked: _Asked) -> SourceError:
    return ModelNotFound(
        f"there is no folder {asked.repo}, and the hub knows no such model",
        "check the name; a private model needs `hf auth login`",
    )


def _no_revision(_: Exception, asked: _Asked) -> SourceError:
    return ModelNotFound(
        f"{asked.repo} has no revision {asked.revision!r}",
        "name a branch, a tag or a full commit with --revision",
    )


def _no_file(_: Exception, asked: _Asked) -> SourceError:
    return ModelNotFound(
        f"{asked.thing} is not on the hub", "name a repo that holds a model with its config.json"
    )


def _offline(_: Exception, asked: _Asked) -> SourceError:
    return HubOffline(
        f"{asked.thing} is not in the cache, and offline mode is on",
        "unset HF_HUB_OFFLINE and run again",
    )


def _refused(error: Exception, asked: _Asked) -> SourceError:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return GatedModel(
            f"the hub refuses {asked.thing} (HTTP {status})",
            "log in with `hf auth login`, with an account that may read the model",
        )
    if status == 404:
        return _no_repo(error, asked)
    return HubOffline(f"the hub does not give {asked.thing} (HTTP {status})", "try again later")


def _unreachable(_: Exception, asked: _Asked) -> SourceError:
    return HubOffline(f"the hub cannot be reached for {asked.thing}", _UNREACHED)


def _garbled(_: Exception, asked: _Asked) -> SourceError:
    return HubOffline(
        f"what answered for {asked.thing} is not the hub",
        "check the network's proxy and HF_ENDPOINT",
    )


def _disk(error: Exception, asked: _Asked) -> MmportError:
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EDQUOT):
        return TargetUnwritable(
            f"the hub's cache cannot take {asked.thing}: {getattr(error, 'strerror', error)}",
            "make room, or point HF_HOME to another folder",
        )
    return _unreachable(error, asked)
