"""The record of a run: what was asked of which files by what, and what came of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mmport.core.files import sha256_file
from mmport.model.evidence import Evidence, FileHash
from mmport.model.spec import Modality
from mmport.verification.cases import Questions, Request

if TYPE_CHECKING:
    from mmport.verification.jobs import Setup

RECORD_SCHEMA = "mmport.report/1"

_SMALL = ("*.json", "*.jinja", "*.model", "*.py", "*.txt", "*.tiktoken")
"""Files of a checkpoint beside its weights that say what the model is."""
# Where the environments lie and how long a run may take change no figure.
_NOT_TOLD = {"vllm_python", "hf_python", "report", "timeout"}
_SPELLED = {"implementations": "impl"}
_PLACEHOLDERS = {"port": "DIR"}


@dataclass(frozen=True, slots=True)
class AskedItem:
    """An image, clip or recording, which its seed and sizes determine (`workers/media.py`)."""

    kind: Modality
    seed: int
    width: int
    height: int
    frames: int
    seconds: float
    rate: int


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt that both sides were given, in a scenario or to the processor alone."""

    part: Literal["scenario", "processor"]
    name: str
    text: str
    items: tuple[AskedItem, ...]


@dataclass(frozen=True, slots=True)
class Seeds:
    """Seeds of the random numbers; `weights` of a tiny model, None where they are not ours.

    The items' seeds stand with the questions.
    """

    weights: int | None
    hf: int = 0
    engine: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that `evidence.json` holds. Times are ISO 8601 in UTC."""

    schema: str
    created: str
    command: str
    """That makes the same run again; folders are left for the user to name."""
    model: str
    checkpoint: tuple[FileHash, ...]
    """Weights, configs and tokenizer, as they lay in the folder that both sides read."""
    seeds: Seeds
    questions: tuple[Question, ...]
    evidence: tuple[Evidence, ...]


def make_record(setup: Setup, evidence: tuple[Evidence, ...], command: str) -> Record:
    """Gather the record of a run; the checkpoint's files are read for their hashes."""
    return Record(
        schema=RECORD_SCHEMA,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        model=setup.name,
        checkpoint=tuple(_hashes(setup)),
        seeds=Seeds(weights=0 if setup.tiny else None),
        questions=tuple(_questions(setup.asked)),
        evidence=evidence,
    )


def command_line(model: str, options: object) -> str:
    """Write the command that the options came from, without this machine's folders.

    Args:
        model: the model's name as the evidence has it.
        options: a dataclass whose fields are named after the command's options.
    """
    words = ["mmport", "verify", model]
    for field in fields(options):  # type: ignore[arg-type]
        value = getattr(options, field.name)
        if field.name not in _NOT_TOLD and value != field.default:
            words += _option(field.name, value)
    return shlex.join(words)


def _option(name: str, value: Any) -> Iterator[str]:
    flag = f"--{_SPELLED.get(name, name).replace('_', '-')}"
    for one in value if isinstance(value, tuple) else (value,):
        if one is True:
            yield flag
        elif one is not False and one is not None:
            yield flag
            yield _word(name, one)


def _word(name: str, value: Any) -> str:
    if isinstance(value, Path):
        return _PLACEHOLDERS.get(name) or value.name
    return str(value.value if isinstance(value, Enum) else value)


def _hashes(setup: Setup) -> Iterator[FileHash]:
    small = {path.name for pattern in _SMALL for path in setup.model.glob(pattern)}
    for name in sorted(small | set(setup.facts.checkpoint_files)):
        path = setup.model / name
        if path.is_file():
            yield FileHash(name, sha256_file(path))


def _questions(asked: Questions) -> Iterator[Question]:
    for scenario in asked.scenarios:
        yield from _asked("scenario", scenario.name, scenario.requests)
    for case in asked.processor_cases:
        yield from _asked("processor", case.name, (case.request,))


def _asked(
    part: Literal["scenario", "processor"], name: str, requests: Iterable[Request]
) -> Iterator[Question]:
    for request in requests:
        items = tuple(
            AskedItem(
                item.kind,
                item.seed,
                item.width,
                item.height,
                item.frames,
                item.seconds,
                item.rate,
            )
            for item in request.items
        )
        yield Question(part, name, request.text, items)
