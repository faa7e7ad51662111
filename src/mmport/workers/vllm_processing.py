"""Runs vLLM's multimodal processor alone: it needs the model's config and no weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .awaiting import await_file
from .clips import video_metadata
from .hf_processing import joined
from .media import make_item
from .vllm_releases import items_by_kind, process

if TYPE_CHECKING:
    import torch


def read_reference(payload: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """Read what HF said of a stage, and wait for it if it is still being made."""
    folder = Path(payload["reference"])
    path = folder / f"{stage}.json"
    await_file(path, ended=folder / "error.json")
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def text_of(request: Mapping[str, Any], payload: Mapping[str, Any]) -> str:
    """The prompt: vLLM's own class may want other placeholders than HF."""
    own = request["vllm_text"] if payload["own_text"] else None
    text: str = request["text"] if own is None else own
    return text


def multi_modal_data(
    items: Sequence[Mapping[str, Any]], make: Callable[[Mapping[str, Any]], Any] = make_item
) -> dict[str, list[Any]]:
    """Make the items, by modality, in the form that vLLM takes them."""
    data: dict[str, list[Any]] = {}
    for item in items:
        made = make(item)
        if item["kind"] == "video":
            made = (made, {**video_metadata(item), "do_sample_frames": False})
        elif item["kind"] == "audio":
            made = (made, item["rate"])
        data.setdefault(item["kind"], []).append(made)
    return data


def beyond_limits(info: Any, request: Mapping[str, Any]) -> str:
    """Say which items of a request are more than a model class takes; empty if none are.

    A class states its own limit; None in it means that there is none.
    """
    limits = info.get_supported_mm_limits()
    kinds = [item["kind"] for item in request["items"]]
    for kind in dict.fromkeys(kinds):
        limit = limits.get(kind, 0)
        if limit is not None and kinds.count(kind) > limit:
            return f"takes at most {limit} {kind} items in a prompt"
    return ""


def process_case(
    processor: Any, case: Mapping[str, Any], payload: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Process one case: ids, the items' positions, spans and embeddings; tensors by name."""
    request = case["request"]
    options = {**payload["processor_kwargs"], **case["mm_processor_kwargs"]}
    return described(call(processor, text_of(request, payload), request["items"], options))


def call(
    processor: Any,
    prompt: str | list[int],
    items: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
) -> Any:
    """Have vLLM's processor process a prompt, given as text or as tokens, and its items."""
    return process(processor, prompt, multi_modal_data(items), options)


def described(output: Any) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Say what a processor's output holds: ids and places, and the tensors by name."""
    places = output["mm_placeholders"]
    # The order of kinds is not the prompt's, and differs with and without the cache.
    spans = sorted((place for kind in places for place in places[kind]), key=lambda one: one.offset)
    document = {
        "ids": list(output["prompt_token_ids"]),
        "spans": [[place.offset, place.length] for place in spans],
        "positions": sorted(position for place in spans for position in _positions(place)),
        "embeddings": {
            kind: [len(_positions(place)) for place in found] for kind, found in places.items()
        },
    }
    return document, _tensors(items_by_kind(output))


def _positions(place: Any) -> list[int]:
    """Positions in a placeholder's range that take an embedding."""
    if place.is_embed is None:
        return list(range(place.offset, place.offset + place.length))
    return [place.offset + int(index) for index in place.is_embed.nonzero().reshape(-1)]


def _tensors(items_by_kind: Mapping[str, Sequence[Any]]) -> dict[str, torch.Tensor]:
    """Gather each tensor over the items that it is cut into."""
    parts: dict[str, list[Any]] = {}
    for items in items_by_kind.values():
        for item in items:
            for key, value in (item or {}).items():
                parts.setdefault(key, []).append(value.data)
    found = {key: joined(values) for key, values in parts.items()}
    return {key: value for key, value in found.items() if value is not None}
