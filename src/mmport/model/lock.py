"""`Lock`: all that regenerating a port needs, without a network or an engine."""

from __future__ import annotations

from dataclasses import dataclass

from mmport.model.evidence import FileHash
from mmport.model.plan import PortPlan
from mmport.model.spec import VlmSpec

LOCK_SCHEMA = "mmport.lock/1"
LOCK_NAME = "mmport.lock"


@dataclass(frozen=True, slots=True)
class Versions:
    """Of what the port was generated with."""

    mmport: str
    transformers: str
    vllm: str


@dataclass(frozen=True, slots=True)
class AcceptedEdit:
    """A file that the user edited, or added, and made part of the port.

    `pristine` is the generated text that the edit began from: the base of the
    three-way merge when the port is generated anew. It is empty for a module of
    the user's own, which is not among the lock's `files`.
    """

    path: str
    sha256: str
    pristine: str


@dataclass(frozen=True, slots=True)
class EvidenceDigest:
    """The evidence that was last made for this port."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Lock:
    """The content of `mmport.lock`."""

    schema: str
    versions: Versions
    spec: VlmSpec
    plan: PortPlan
    files: tuple[FileHash, ...]
    accepted: tuple[AcceptedEdit, ...] = ()
    evidence: tuple[EvidenceDigest, ...] = ()
