"""The catalog's files: one a part of vLLM, each a timeline; read part by part, on demand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec

from mmport.core.files import write_text
from mmport.vllm_api import timeline
from mmport.vllm_api.timeline import Facts, Spans

RELEASES: Final = "releases.json"
REGISTRY: Final = "registry"
"""The file of what vLLM's registry of architectures holds."""

_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SPANS: Final = msgspec.json.Decoder(dict[str, dict[str, Any]])


@cache
def releases() -> tuple[str, ...]:
    """List the releases that the catalog knows, oldest first."""
    return tuple(json.loads(_folder().joinpath(RELEASES).read_bytes()))


@cache
def places() -> Mapping[str, int]:
    """Number the releases, oldest first."""
    return {name: place for place, name in enumerate(releases())}


@cache
def subjects(part: str) -> Mapping[str, msgspec.Raw]:
    """Read a part's subjects, each still as JSON; empty if there is no such part."""
    file = _folder().joinpath(f"{part}.json")
    return _PARTS.decode(file.read_bytes()) if file.is_file() else {}


def spans(part: str, subject: str) -> Spans:
    """Give all that is known of a subject, by the spans that it holds for."""
    raw = subjects(part).get(subject)
    return {} if raw is None else _SPANS.decode(raw)


def facts(part: str, subject: str, version: str) -> dict[str, Any]:
    """Give what is known of a subject in one release; empty if it is not there."""
    return timeline.at(spans(part, subject), places()[version], places())


def parts() -> tuple[str, ...]:
    """Name the parts that there are."""
    names = (entry.name for entry in _folder().iterdir() if entry.name.endswith(".json"))
    return tuple(sorted(name.removesuffix(".json") for name in names if name != RELEASES))


def add(folder: Path, version: str, drawn: Mapping[str, Mapping[str, Facts]]) -> None:
    """Write a release into the catalog that lies in `folder`.

    Args:
        folder: the catalog's files.
        version: the release.
        drawn: for each part, what each of its subjects holds in that release.
    """
    known = _read(folder / RELEASES, [])
    old = {file.stem for file in folder.glob("*.json")} - {Path(RELEASES).stem}
    for part in sorted(old | drawn.keys()):
        file = folder / f"{part}.json"
        there, new = _read(file, {}), drawn.get(part, {})
        changed = {
            subject: timeline.with_release(
                there.get(subject, {}), known, version, new.get(subject, {})
            )
            for subject in sorted(there.keys() | new.keys())
        }
        write_text(file, _text({name: item for name, item in changed.items() if item}))
    write_text(folder / RELEASES, _text(timeline.in_order({*known, version})))


def _folder() -> resources.abc.Traversable:
    return resources.files(__package__).joinpath("catalog")


def _read(file: Path, default: Any) -> Any:
    return json.loads(file.read_bytes()) if file.is_file() else default


def _text(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n"
