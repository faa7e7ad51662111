"""The cases that are drawn for a processor once it is there, and can be looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .sizes import describe, draw_items, grid_of


def drawn_cases(processor: Any, search: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Draw items of many sizes for every modality, each for a prompt of its own.

    Args:
        processor: HF's; its patches and tiles say which sizes are delicate.
        search: `seed`, the `question` with `{items}` in it, and of each of
            `modalities` what is typical, `prompt` and `vllm_prompt`.
    """
    grid = grid_of(processor)
    for modality in search["modalities"]:
        for item in draw_items(modality, grid, search["seed"]):
            yield {
                "name": describe(item),
                "request": ask(search, modality, [item]),
                "mm_processor_kwargs": {},
                "optional": True,
                "drawn": True,
            }


def ask(
    search: Mapping[str, Any], modality: Mapping[str, Any], items: list[dict[str, Any]]
) -> dict[str, Any]:
    """Put the question about items of one modality, in HF's words and in vLLM's."""
    text = _fill(search["question"], modality["prompt"], len(items))
    own = modality["vllm_prompt"]
    vllm_text = None if own is None else _fill(search["question"], own, len(items))
    return {"text": text, "items": items, "vllm_text": vllm_text}


def _fill(question: str, prompt: str, count: int) -> str:
    return question.replace("{items}", " then ".join([prompt] * count))
