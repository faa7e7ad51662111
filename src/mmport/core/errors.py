"""Every failure that mmport knows, each with its exit code and what to do about it.

Exit codes: 0 fine, 1 a finding, 2 usage, 3 a known failure.
"""

from __future__ import annotations

from typing import ClassVar, Final

TRY_BACKEND: Final = "try vLLM's Transformers backend: vllm serve MODEL --model-impl transformers"
"""The hint where a port is out of reach and vLLM may run the model by itself."""


class MmportError(Exception):
    """A failure that mmport foresaw: one line of what, one line of what to do.

    `details` is text of any length that is shown with `--debug` alone, such as
    the traceback of a worker.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, what: str, hint: str, *, details: str = "") -> None:
        super().__init__(what)
        self.what = one_line(what)
        self.hint = one_line(hint)
        self.details = details


class Usage(MmportError):
    """The command line asks for something that does not exist or fit together."""

    exit_code = 2


class Objection(MmportError):
    """The command worked and what it found stands in the way (exit code 1)."""

    exit_code = 1


class UnknownTarget(Usage):
    """The vLLM version asked for is not one that mmport has a contract for."""


class EditedFiles(Objection):
    """Generated files were edited; overwriting them was not asked for."""


class SourceError(MmportError):
    """The model source cannot be read."""


class ModelNotFound(SourceError):
    """No such folder, repo, revision or file."""


class GatedModel(SourceError):
    """The hub wants an accepted licence or a token."""


class HubOffline(SourceError):
    """The hub cannot be reached, or offline mode is on and the cache lacks the file."""


class MalformedSource(SourceError):
    """A file of the model source is there and cannot be understood."""


class NotPortable(MmportError):
    """mmport knows that it cannot port this model, and why."""


class TargetUnwritable(MmportError):
    """The output folder cannot be written."""


class PortUnreadable(MmportError):
    """A port's folder or lock is missing or damaged."""


class EngineMissing(MmportError):
    """No Python with the engine that the command needs."""


class WorkerFailed(MmportError):
    """A worker ended without a result."""


class WorkerHung(WorkerFailed):
    """A worker took longer than it was given."""


class WorkerOutOfMemory(WorkerFailed):
    """A worker was ended by the system, most likely for its memory."""


def one_line(text: str) -> str:
    """Fold a message to one line without control characters.

    Messages quote names from untrusted files; a control character in one must
    not reach the terminal.
    """
    folded = " ".join(text.split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in folded)
