"""The budget's search on a processor that is not there, with a rule that is known."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmport.workers import budget
from mmport.workers.budget import write_budget_stage

TILE = 32
MOST_TILES = 6

Rule = Callable[[int, int], int]


def tiles(width: int, height: int) -> int:
    """So many tiles cover an image; shrunk to few enough, as real processors do it."""
    across, down = math.ceil(width / TILE), math.ceil(height / TILE)
    return min(across * down, MOST_TILES)


class Place:
    is_embed: Any = None

    def __init__(self, length: int) -> None:
        self.length = length


class Processor:
    """Gives an image `rule` tokens; declares what it is told, or leaves that to its dummy."""

    def __init__(self, rule: Rule, declared: int | None, dummy: tuple[int, int]) -> None:
        self.rule, self.declared, self.dummy = rule, declared, dummy
        self.sizes: list[tuple[int, int]] = []
        config = SimpleNamespace(
            max_model_len=10_000,
            get_multimodal_config=lambda: SimpleNamespace(limit_per_prompt={}),
        )
        self.info = SimpleNamespace(
            ctx=SimpleNamespace(model_config=config),
            allowed_mm_limits={"image": 3},
            get_mm_max_tokens_per_item=self._stated,
            parse_mm_data=lambda data: data,
        )

    def _stated(self, seq_len: int, mm_counts: dict[str, int]) -> dict[str, int] | None:
        return None if self.declared is None else {"image": self.declared}

    def _output(self, sizes: list[tuple[int, int]]) -> dict[str, Any]:
        lengths = [self.rule(*size) for size in sizes]
        return {
            "prompt_token_ids": [0] * sum(lengths),
            "mm_placeholders": {"image": [Place(length) for length in lengths]},
        }

    def get_dummy_inputs(self, seq_len: int, mm_counts: Any, mm_options: Any) -> Any:
        image = SimpleNamespace(size=self.dummy)
        return SimpleNamespace(mm_data_items={"image": SimpleNamespace(get=lambda _: image)})

    def get_dummy_mm_inputs(self, _: Any) -> dict[str, Any]:
        return self._output([self.dummy])

    def __call__(self, prompt: str, mm_items: Any, hf_processor_mm_kwargs: Any) -> dict[str, Any]:
        sizes = [image.size for image in mm_items["image"]]
        self.sizes += sizes
        return self._output(sizes)


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Processor], Any]:
    monkeypatch.setattr(budget, "what_counts", lambda: "embeddings")
    monkeypatch.setattr(
        budget, "blank", lambda item: SimpleNamespace(size=(item["width"], item["height"]))
    )
    modality = {
        "kind": "image",
        "prompt": "<image>",
        "vllm_prompt": None,
        "most_items": 4,
        "width": 100,
        "height": 80,
    }
    payload = {
        "processor_search": {"seed": 0, "question": "{items}?", "modalities": [modality]},
        "processor_kwargs": {},
        "own_text": False,
    }

    def run(processor: Processor) -> Any:
        write_budget_stage(processor, payload, tmp_path)
        document = json.loads((tmp_path / "budget.json").read_text())
        return document["modalities"]["image"]

    return run


def test_the_most_that_any_shape_takes_is_found(search: Callable[[Processor], Any]) -> None:
    found = search(Processor(tiles, declared=6, dummy=(100, 100)))
    assert found["taken"]["embeddings"] == MOST_TILES
    assert found["declared"] == 6
    assert [one["tokens"] for one in found["several"]] == [6, 6, 6]


def test_a_shape_that_takes_more_than_the_square_is_found(
    search: Callable[[Processor], Any],
) -> None:
    """A row of tiles ends in a separator, so that a tall image takes more."""

    def rule(width: int, height: int) -> int:
        across, down = math.ceil(width / TILE), math.ceil(height / TILE)
        return 0 if across * down > 36 else (across + 1) * down

    found = search(Processor(rule, declared=None, dummy=(192, 192)))
    assert found["declared"] == 42
    assert not found["states"]
    assert found["taken"]["tokens"] == 72  # one tile a row, each with its separator
    assert found["item"]["width"] <= TILE


def test_what_the_context_does_not_hold_is_no_item(search: Callable[[Processor], Any]) -> None:
    processor = Processor(lambda width, height: width * height, declared=10, dummy=(3, 3))
    found = search(processor)
    assert found["taken"]["tokens"] <= 10_000


def test_a_dummy_that_cannot_be_processed_is_told(search: Callable[[Processor], Any]) -> None:
    def rule(width: int, height: int) -> int:
        raise ValueError("no such size")

    assert search(Processor(rule, None, (3, 3))) == {"error": "ValueError: no such size"}
