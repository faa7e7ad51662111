"""Calls a HF processor with any items, in whichever form it takes them."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .clips import video_metadata
from .exchange import is_memory_error, write_stage
from .media import make_item
from .options import Processed, changing_options
from .processor_paths import write_paths_stage
from .processor_search import drawn_cases

if TYPE_CHECKING:
    from pathlib import Path

    import torch

_SECONDS = 3.0
"""For drawn items, and for options as long again; of each kind of size one is always processed."""
_ALWAYS = 6
_ARGUMENTS = {"image": "images", "video": "videos", "audio": "audio"}


class Caller:
    """A HF processor; what form it takes items in is found out, and remembered.

    Processors differ: one wants a text, another a list of them; one the images
    of a prompt in a list, another in a list of lists; one must be told the
    rate of a recording, another refuses to be.
    """

    def __init__(self, processor: Any, options: Mapping[str, Any]) -> None:
        self.processor = processor
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
                inputs = self.processor(
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
            self.processor,
            getattr(self.processor, "feature_extractor", None),
            getattr(self.processor, "audio_processor", None),
        )
        return any(
            "sampling_rate" in inspect.signature(part.__call__).parameters
            for part in parts
            if part is not None
        )


def write_processor_stage(caller: Caller, payload: Mapping[str, Any], out: Path) -> None:
    """Process every case; what HF refuses is left out if the case is optional.

    The cases are those of the payload, items of drawn sizes, and options that
    are found out from the processor. The other side takes them from here, and
    what it is told of other ways to the same inputs from `processor-paths`.
    """
    stage = _Stage(caller, payload)
    for case in payload["processor_cases"]:
        stage.process(case)
    if not stage.document:
        write_stage(out, "processor", {}, {})
        return
    for cases in (drawn_cases(caller.processor, payload["processor_search"]), option_cases(stage)):
        end = time.monotonic() + _SECONDS
        for place, case in enumerate(cases):
            if place >= _ALWAYS and time.monotonic() > end:
                break
            if case["name"] not in stage.document:
                stage.process(case)
    write_stage(out, "processor", stage.document, stage.tensors)
    write_paths_stage(caller, payload, stage.document, out)


class _Stage:
    """The processor's stage, as far as it has come."""

    def __init__(self, caller: Caller, payload: Mapping[str, Any]) -> None:
        self.caller = caller
        self.payload = payload
        self.document: dict[str, Any] = {}
        self.tensors: dict[str, torch.Tensor] = {}

    def process(self, case: Mapping[str, Any]) -> None:
        """Process one case and keep what came of it.

        Raises:
            Exception: HF refused a case that is not optional, or memory is short.
        """
        name = case["name"]
        try:
            entry, tensors = process_case(self.caller, case, self.payload)
        except Exception as error:
            if is_memory_error(error) or not case["optional"]:
                raise
            reason = f"HF itself: {type(error).__name__}: {error}"
            self.document[name] = {"asked": case, "left_out": reason}
            return
        if not entry["positions"] and case["optional"] and _has_positions(self.document):
            reason = "HF itself: makes no token of the items"
            self.document[name] = {"asked": case, "left_out": reason}
            return
        self.document[name] = {"asked": case, **entry}
        self.tensors |= {f"{name}/{key}": value for key, value in tensors.items()}

    def varying(self) -> frozenset[str]:
        """Names of the tensors whose last two dimensions change with the item's size."""
        seen: dict[str, set[tuple[int, ...]]] = {}
        for name, tensor in self.tensors.items():
            key = name.rpartition("/")[2]
            seen.setdefault(key, set()).add(tuple(tensor.shape[-2:]))
        return frozenset(key for key, tails in seen.items() if len(tails) > 1)


def process_case(
    caller: Caller, case: Mapping[str, Any], payload: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Process one case: ids, the items' positions and spans, and tensors by name."""
    request = case["request"]
    inputs = caller(request["text"], request["items"], case["mm_processor_kwargs"])
    ids = ids_of(inputs)
    wanted = set(payload["placeholder_ids"])
    positions = [place for place, token in enumerate(ids) if token in wanted]
    spans = equal_spans(positions, len(request["items"]))
    return {"ids": ids, "positions": positions, "spans": spans}, item_tensors(inputs)


def option_cases(stage: _Stage) -> Iterator[dict[str, Any]]:
    """Ask for each option that HF has and that changes what it makes of a typical item."""
    varying = stage.varying()
    kinds: set[str] = set()
    for case in stage.payload["processor_cases"]:
        items = case["request"]["items"]
        if len(items) != 1 or items[0]["kind"] in kinds or case["mm_processor_kwargs"]:
            continue
        kinds.add(items[0]["kind"])

        def process(options: Mapping[str, Any], case: Mapping[str, Any] = case) -> Processed:
            asked = {**case, "mm_processor_kwargs": options}
            entry, tensors = process_case(stage.caller, asked, stage.payload)
            return entry["ids"], tensors

        kind = items[0]["kind"]
        for options in changing_options(stage.caller.processor, kind, process, varying):
            told = ", ".join(f"{name}={value}" for name, value in options.items())
            name = told if kind == "image" else f"{kind} {told}"
            yield {**case, "name": name, "mm_processor_kwargs": options, "optional": True}


def _has_positions(document: Mapping[str, Any]) -> bool:
    """Tell whether the placeholder was found in a case before: then it is the right one."""
    return any(entry.get("positions") for entry in document.values())


def ids_of(inputs: Mapping[str, Any]) -> list[int]:
    """The token ids of a processor's output, flat."""
    import torch

    ids = torch.as_tensor(inputs["input_ids"])
    flat: list[int] = ids.reshape(-1).tolist()
    return flat


def equal_spans(positions: Sequence[int], items: int) -> list[list[int]]:
    """Find each item's `[offset, length]`, where every item becomes equally many tokens."""
    size = len(positions) // items if items else 0
    starts = positions[::size] if size else []
    return [[start, size] for start in starts]


def item_tensors(inputs: Mapping[str, Any]) -> dict[str, torch.Tensor]:
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
