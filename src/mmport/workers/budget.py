"""Searches for an item that is larger than the maximum that the engine plans for.

The engine takes a maximum of tokens for each modality from the model class, or
from what the class's own dummy item comes to. Its encoder budget and cache are
that large: an item of more may wait there for ever.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .exchange import is_memory_error, write_stage
from .processor_search import ask
from .sizes import describe
from .vllm_processing import multi_modal_data, text_of
from .vllm_releases import dummy, most_items, process, stated_maxima

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 1.5
"""For the search of one modality."""
_ALWAYS = 6
"""Items that are tried however long they take."""
_FIRST_RATIOS = (1.0, 2.0, 0.5, 4.0, 0.25, 10.0, 0.1, 1.5, 0.66, 20.0, 0.05)
_FIRST_SIDES = (1.0, 2.0, 0.5)
_STEPS = (1.5, 1.2, 1.1, 1.05, 1.02)
_RANDOM_SHAPES = 30
_MOST_RATIO = 200.0
_LEAST_RATIO = 4.0
_PEAKS = 3
"""Items from which the search climbs on: the largest of the first round."""
_MOST_PIXELS = 1 << 24
_MOST_SEVERAL = 3


@dataclass(frozen=True, slots=True)
class Taken:
    """How much of a prompt an item takes: all its tokens, and those with an embedding."""

    tokens: int
    embeddings: int


def write_budget_stage(processor: Any, payload: Mapping[str, Any], out: Path) -> None:
    """Search every modality that the model is asked about.

    The document has `counts` (`embeddings` or `tokens`: what this engine holds
    against the maximum) and for each modality `declared`, whether the class
    `states` it itself, what its `dummy` takes, and of the search the `largest`
    item, what it `taken`, how many were `tried` and of what `seed`.
    """
    modalities = payload["processor_search"]["modalities"]
    allowed = most_items(processor)
    active = {one["kind"]: 1 for one in modalities if allowed.get(one["kind"])}
    document: dict[str, Any] = {"counts": what_counts(), "modalities": {}}
    for modality in modalities:
        if modality["kind"] in active:
            entry = Search(processor, payload, modality, active).entry()
            document["modalities"][modality["kind"]] = entry
    write_stage(out, "budget", document)


def what_counts() -> str:
    """Separators without an embedding are held against the maximum by older engines only."""
    from vllm.v1.request import Request

    return "embeddings" if hasattr(Request, "get_num_encoder_embeds") else "tokens"


class Search:
    """The search of one modality."""

    def __init__(
        self,
        processor: Any,
        payload: Mapping[str, Any],
        modality: Mapping[str, Any],
        active: Mapping[str, int],
    ) -> None:
        self.processor = processor
        self.payload = payload
        self.modality = modality
        self.kind: str = modality["kind"]
        self.active = active
        self.counts = self._what_counts()
        self.context = self._context()
        self.tried: dict[str, Taken | None] = {}
        self.refused = ""
        self.end = 0.0
        self.most_ratio = _MOST_RATIO

    def entry(self) -> dict[str, Any]:
        """Say what is declared and what was found."""
        try:
            dummy, typical = self._dummy()
            stated = self._stated()
        except Exception as error:
            if is_memory_error(error):
                raise
            return {"error": f"{type(error).__name__}: {error}"}
        entry = {
            "declared": self._counted(dummy) if stated is None else stated,
            "states": stated is not None,
            "dummy": {"item": describe(typical), **asdict(dummy)},
            "seed": self.payload["processor_search"]["seed"],
        }
        self.end = time.monotonic() + _SECONDS
        self.most_ratio = _thinnest(entry["declared"], typical)
        largest = self._climb(typical)
        entry["tried"] = len(self.tried)
        if largest is None:
            return {**entry, "refused": self.refused}
        taken = self.tried[describe(largest)]
        assert taken is not None  # noqa: S101 - or it were not the largest
        found = {"item": largest, "largest": describe(largest), "taken": asdict(taken)}
        return {**entry, **found, "several": self._several(largest)}

    def _what_counts(self) -> str:
        return what_counts()

    def _context(self) -> int:
        """Positions that a prompt may take."""
        length: int = self.processor.info.ctx.model_config.max_model_len
        return length

    def _stated(self) -> int | None:
        """The maximum that the class states itself."""
        return stated_maxima(self.processor, self.context, self.active).get(self.kind)

    def _dummy(self) -> tuple[Taken, dict[str, Any]]:
        """What the class's own dummy item takes, and how large it is."""
        made, output = dummy(self.processor, self.context, {self.kind: 1}, self.kind)
        (taken,) = _taken(output, self.kind)
        return taken, {**self._typical(), **measured(made, self.modality)}

    def _typical(self) -> dict[str, Any]:
        names = {"image": ("width", "height"), "video": ("width", "height", "frames")}
        sizes = {name: self.modality[name] for name in names.get(self.kind, ("seconds", "rate"))}
        return {"kind": self.kind, "seed": 0, **sizes}

    def _climb(self, dummy: dict[str, Any]) -> dict[str, Any] | None:
        """Begin with many shapes and sizes, then go on from the largest in smaller steps."""
        first = {describe(item): item for item in self._first(dummy) if self._takes(item)}
        peaks = sorted(first.values(), key=self._size, reverse=True)[:_PEAKS]
        if self.kind != "audio":
            peaks = [self._climb_from(item) for item in peaks]
        return max(peaks, key=self._size, default=None)

    def _climb_from(self, best: dict[str, Any]) -> dict[str, Any]:
        for step in _STEPS:
            before = None
            while best is not before:
                before = best
                for item in _neighbours(before, step):
                    if self._takes(item) and self._size(item) > self._size(best):
                        best = item
        return best

    def _first(self, dummy: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield dummy
        typical = self._typical()
        if self.kind == "audio":
            yield typical
            # A recording may be of any length: the class's own longest is its limit.
            for share in (1.0, 0.5, 0.9, 0.99, 0.1):
                yield {**dummy, "seconds": round(dummy["seconds"] * share, 4)}
            return
        side = math.sqrt(max(_area(dummy), _area(typical)))
        chance = random.Random(self.payload["processor_search"]["seed"])  # noqa: S311
        shapes = [(ratio, times) for times in _FIRST_SIDES for ratio in _FIRST_RATIOS]
        shapes += [
            (_between(chance, 1 / self.most_ratio, self.most_ratio), _between(chance, 0.4, 2.5))
            for _ in range(_RANDOM_SHAPES)
        ]
        for ratio, times in shapes:
            width = max(1, round(side * times * math.sqrt(ratio)))
            yield {
                **dummy,
                "width": width,
                "height": max(1, round(side * times / math.sqrt(ratio))),
            }

    def _takes(self, item: dict[str, Any]) -> bool:
        """Process an item, if there is time for it; tell whether the engine would."""
        name = describe(item)
        if name not in self.tried:
            late = time.monotonic() > self.end and len(self.tried) >= _ALWAYS
            pixels = _area(item) * item.get("frames", 1)
            large = pixels > _MOST_PIXELS or _stretch(item) > self.most_ratio
            if late or (self.tried and large):
                return False
            taken = self._all_taken([item])
            self.tried[name] = max(taken, key=self._key) if taken else None
        return self.tried[name] is not None

    def _size(self, item: dict[str, Any]) -> tuple[int, int]:
        """How much a known item takes."""
        taken = self.tried[describe(item)]
        return self._key(taken) if taken is not None else (0, 0)

    def _key(self, taken: Taken) -> tuple[int, int]:
        return self._counted(taken), taken.tokens

    def _counted(self, taken: Taken) -> int:
        return taken.embeddings if self.counts == "embeddings" else taken.tokens

    def _all_taken(self, items: list[dict[str, Any]]) -> list[Taken]:
        request = ask(self.payload["processor_search"], self.modality, items)
        try:
            output = process(
                self.processor,
                text_of(request, self.payload),
                multi_modal_data(items, blank),
                self.payload["processor_kwargs"],
            )
        except Exception as error:
            if is_memory_error(error):
                raise
            self.refused = f"{describe(items[0])}: {type(error).__name__}: {error}"
            return []
        if len(output["prompt_token_ids"]) > self.context:
            self.refused = f"{describe(items[0])} is longer than the context of {self.context}"
            return []
        return _taken(output, self.kind)

    def _several(self, largest: dict[str, Any]) -> list[dict[str, int]]:
        """What each takes where several of the largest are in one prompt."""
        limits = most_items(self.processor)
        count = min(_MOST_SEVERAL, limits[self.kind], self.modality["most_items"])
        if count < 2:
            return []
        items = [{**largest, "seed": seed} for seed in range(count)]
        return [asdict(taken) for taken in self._all_taken(items)]


def blank(item: Mapping[str, Any]) -> Any:
    """Make an item in which there is nothing: only its size matters."""
    import numpy as np
    from PIL import Image

    if item["kind"] == "image":
        return Image.new("RGB", (item["width"], item["height"]))
    if item["kind"] == "video":
        return np.zeros((item["frames"], item["height"], item["width"], 3), np.uint8)
    return np.zeros(round(item["seconds"] * item["rate"]), np.float32)


def _taken(output: Any, kind: str) -> list[Taken]:
    places = output["mm_placeholders"].get(kind, ())
    return [Taken(place.length, _embeddings(place)) for place in places]


def _embeddings(place: Any) -> int:
    return place.length if place.is_embed is None else int(place.is_embed.sum())


def measured(made: Any, modality: Mapping[str, Any]) -> dict[str, Any]:
    """How large an item is that a model class made: an image, frames or samples."""
    while isinstance(made, tuple):
        made = made[0]
    if modality["kind"] == "audio":
        return {"seconds": len(made) / modality["rate"]}
    if modality["kind"] == "video":
        frames = len(made)
        return {"frames": frames, **_sides(made[0])}
    return _sides(made)


def _sides(image: Any) -> dict[str, int]:
    """Width and height of a PIL image or of an array (height, width, channels)."""
    if hasattr(image, "media"):
        image = image.media
    size: Sequence[int] = image.shape[1::-1] if hasattr(image, "shape") else image.size
    return {"width": int(size[0]), "height": int(size[1])}


def _between(chance: random.Random, least: float, most: float) -> float:
    """Draw a number whose logarithm is as likely here as there."""
    return math.exp(chance.uniform(math.log(least), math.log(most)))


def _thinnest(declared: int, dummy: Mapping[str, Any]) -> float:
    """How many times as long as wide an item may be.

    Resizers leave a strip at least one token wide, so one that is stretched by
    more than the maximum always exceeds it. Only of a tiny model are the
    maxima so small; its real brothers' no strip exceeds that processors take.
    """
    tokens: float = declared / dummy.get("frames", 1)
    return max(_LEAST_RATIO, min(_MOST_RATIO, tokens))


def _stretch(item: Mapping[str, Any]) -> float:
    width, height = item.get("width", 1), item.get("height", 1)
    ratio: float = max(width, height) / min(width, height)
    return ratio


def _area(item: Mapping[str, Any]) -> int:
    area: int = item.get("width", 0) * item.get("height", 0)
    return area


def _neighbours(item: dict[str, Any], step: float) -> Iterator[dict[str, Any]]:
    """Items that are wider, higher, narrower, lower, larger or smaller by a step."""
    for across, down in ((step, 1), (1, step), (1 / step, 1), (1, 1 / step), (step, step)):
        width = _moved(item["width"], across)
        yield {**item, "width": width, "height": _moved(item["height"], down)}
    yield {**item, "width": _moved(item["width"], step), "height": _moved(item["height"], 1 / step)}
    yield {**item, "width": _moved(item["width"], 1 / step), "height": _moved(item["height"], step)}


def _moved(side: int, times: float) -> int:
    """A side times a factor, and another one than before unless the factor is 1."""
    if times == 1:
        return side
    return (
        max(side + 1, round(side * times))
        if times > 1
        else max(1, min(side - 1, round(side * times)))
    )
