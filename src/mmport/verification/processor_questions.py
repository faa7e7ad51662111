"""What a model's processor is asked: what is sure, and what is drawn once it is there."""

from __future__ import annotations

from typing import Any

from mmport.model.facts import ModalityFacts, ModelFacts
from mmport.verification.cases import Item, ProcessorCase
from mmport.verification.items import ask, describe, make_item, plural

SEED = 0
"""Of the sizes that are drawn; the evidence names it."""
_ODD_ITEMS = 3
"""Items of a prompt in which the order and the count of several are tested."""
_SHAPES = (1.0, 2.0, 0.5, 3.0)
_LENGTHS = (1.0, 0.5, 0.75, 1.25)


def processor_cases(facts: ModelFacts) -> tuple[ProcessorCase, ...]:
    """A typical item of each kind, and several in a prompt; the worker draws more."""
    cases: list[ProcessorCase] = []
    for modality in facts.modalities:
        items = _typical_items(modality)
        cases.append(ProcessorCase(describe(items[0]), ask(facts, items[:1]), optional=False))
        count = min(_ODD_ITEMS, modality.most_items)
        if count > 1:
            name = f"{'three' if count == _ODD_ITEMS else 'two'} {plural(modality)}"
            several = ask(facts, items[1 : 1 + count], " then ")
            cases.append(ProcessorCase(name, several))
    return tuple(cases)


def processor_search(facts: ModelFacts) -> dict[str, Any]:
    """Say from what the workers draw items, and how they ask about them."""
    return {
        "seed": SEED,
        "question": facts.question,
        "modalities": [
            {
                "kind": modality.kind,
                "token_id": modality.token_id,
                "prompt": modality.prompt,
                "vllm_prompt": modality.vllm_prompt,
                "most_items": modality.most_items,
                "width": modality.width,
                "height": modality.height,
                "frames": modality.frames,
                "seconds": modality.seconds,
                "rate": modality.rate,
            }
            for modality in facts.modalities
        ],
    }


def _typical_items(modality: ModalityFacts) -> list[Item]:
    """Items of about the typical size, the first of exactly that; their seeds count from 100."""
    return [
        make_item(modality, seed, shape=shape, length=length)
        for seed, (shape, length) in enumerate(zip(_SHAPES, _LENGTHS, strict=True), start=100)
    ]
