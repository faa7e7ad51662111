"""Calls a HF processor with any items, in whichever form it takes them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .clips import video_metadata
from .exchange import is_memory_error, write_stage
from .media import make_item

if TYPE_CHECKING:
    from pathlib import Path

    import torch

_ARGUMENTS = {"image": "images", "video": "videos", "audio": "audio"}


class Caller:
    """A HF processor; what form it takes items in is found out, and remembered.

    Processors differ: one wants a text, another a list of them; one the images
    of a prompt in a list, another in a list of lists; one must be told the
    rate of a recording, another refuses to be.
    """

    def __init__(self, processor: Any, options: Mapping[str, Any]) -> None:
        self._processor = processor
        self._options = dict(options)
        self._known: dict[tuple[str, ...], int] = {}

    def __call__(
        self, text: str, items: Sequence[Mapping[str, Any]], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Process one prompt and its items.

        Raises:
            Exception: what the processor raised in the plainest form, if it
                takes none.
        """
        kinds = tuple(sorted({item["kind"] for item in items}))
        forms = list(self._forms(text, items))
        order = list(range(len(forms)))
        if kinds in self._known:
            order.insert(0, order.pop(self._known[kinds]))
        first: Exception | None = None
        for place in order:
            try:
                inputs = self._processor(
                    **forms[place], return_tensors="pt", **{**self._options, **options}
                )
            except Exception as error:
                if is_memory_error(error):
                    raise
                first = first or error
                continue
            self._known[kinds] = place
            return dict(inputs)
        assert first is not None  # noqa: S101 - there is always a form
        raise first

    def _forms(self, text: str, items: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        given: dict[str, list[Any]] = {}
        for item in items:
            given.setdefault(_ARGUMENTS[item["kind"]], []).append(make_item(item))
        told = self._told(items)
        for extra in (told, {}) if told else ({},):
            yield {"text": text, **given, **extra}
            yield {"text": [text], **given, **extra}
            if items:
                yield {"text": [text], **{name: [made] for name, made in given.items()}, **extra}
            if any(len(made) == 1 for made in given.values()):
                single = {name: made[0] if len(made) == 1 else made for name, made in given.items()}
                yield {"text": text, **single, **extra}

    def _told(self, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Facts about the items that a processor may want to be told."""
        told: dict[str, Any] = {}
        rates = [item["rate"] for item in items if item["kind"] == "audio"]
        if rates and self._asks_for_rate():
            told["sampling_rate"] = rates[0]
        videos = [item for item in items if item["kind"] == "video"]
        if videos:
            # The frames that are given are those to use, as on the other side.
            told["video_metadata"] = [video_metadata(item) for item in videos]
            told["do_sample_frames"] = False
        return told

    def _asks_for_rate(self) -> bool:
        parts = (
            self._processor,
            getattr(self._processor, "feature_extractor", None),
            getattr(self._processor, "audio_processor", None),
        )
        return any(
            "sampling_rate" in inspect.signature(part.__call__).parameters
            for part in parts
            if part is not None
        )


def write_processor_stage(caller: Caller, payload: Mapping[str, Any], out: Path) -> None:
    """Process every case; what HF refuses is left out if the case is optional."""
    document: dict[str, Any] = {}
    tensors: dict[str, torch.Tensor] = {}
    for case in payload["processor_cases"]:
        name, request = case["name"], case["request"]
        try:
            inputs = caller(request["text"], request["items"], case["mm_processor_kwargs"])
        except Exception as error:
            if is_memory_error(error) or not case["optional"]:
                raise
            document[name] = {"left_out": f"HF itself: {type(error).__name__}: {error}"}
            continue
        ids = _ids(inputs)
        wanted = set(payload["placeholder_ids"])
        positions = [place for place, token in enumerate(ids) if token in wanted]
        if not positions and case["optional"] and _has_positions(document):
            document[name] = {"left_out": "HF itself: makes no token of the items"}
            continue
        document[name] = {
            "ids": ids,
            "positions": positions,
            "spans": _equal_spans(positions, len(request["items"])),
        }
        tensors |= {f"{name}/{key}": value for key, value in _item_tensors(inputs).items()}
    write_stage(out, "processor", document, tensors)


def _has_positions(document: Mapping[str, Any]) -> bool:
    """Tell whether the placeholder was found in a case before: then it is the right one."""
    return any(entry.get("positions") for entry in document.values())


def _ids(inputs: Mapping[str, Any]) -> list[int]:
    import torch

    ids = torch.as_tensor(inputs["input_ids"])
    flat: list[int] = ids.reshape(-1).tolist()
    return flat


def _equal_spans(positions: Sequence[int], items: int) -> list[list[int]]:
    """Find each item's `[offset, length]`, where every item becomes equally many tokens."""
    size = len(positions) // items if items else 0
    starts = positions[::size] if size else []
    return [[start, size] for start in starts]


def _item_tensors(inputs: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Tensors that are of the items, not of the text."""
    text = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")
    return {
        key: tensor
        for key, value in inputs.items()
        if key not in text and (tensor := joined(value)) is not None
    }


def joined(value: Any) -> torch.Tensor | None:
    """One tensor of all that a nested list of tensors holds, flat if they differ in shape."""
    import torch

    if isinstance(value, torch.Tensor):
        return value
    parts = list(_tensors_in(value))
    if not parts:
        return None
    if len({part.shape for part in parts}) == 1:
        return torch.stack(parts)
    return torch.cat([part.reshape(-1) for part in parts])


def _tensors_in(value: Any) -> Iterator[torch.Tensor]:
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors_in(item)
