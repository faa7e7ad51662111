"""What a model is asked: the scenarios and processor cases that its facts call for."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mmport.model.facts import ModalityFacts, ModelFacts
from mmport.verification.cases import Item, ProcessorCase, Questions, Request, Scenario

_ASPECT_RATIOS = (1.0, 2.0, 0.5, 3.0, 1 / 3, 4 / 3, 9 / 16, 5.0)
_RANDOM_SIZES = 8
_ODD_ITEMS = 3
"""Items of a prompt in which the order and the count of several are tested."""
_SOME_WORDS = "The cat sat on the mat, and the dog"


def questions(facts: ModelFacts) -> Questions:
    """Choose what to ask: the same for the same facts, in every run."""
    return Questions(processor_cases(facts), scenarios(facts))


def processor_cases(facts: ModelFacts) -> tuple[ProcessorCase, ...]:
    """Many sizes and lengths, several items in a prompt, and a user's option."""
    cases: list[ProcessorCase] = []
    for modality in facts.modalities:
        items = list(_typical_items(modality))
        cases += [
            ProcessorCase(_describe(item), _ask(facts, [item]), optional=item is not items[0])
            for item in items
        ]
        count = min(_ODD_ITEMS, modality.most_items)
        if count > 1:
            several = [replace(item, seed=200 + place) for place, item in enumerate(items[1:])]
            name = f"{'three' if count == _ODD_ITEMS else 'two'} {_plural(modality)}"
            cases.append(ProcessorCase(name, _ask(facts, several[:count], " then ")))
        if modality.kind == "image" and facts.knows_parts:
            odd = replace(items[5], seed=300)
            options = {"do_normalize": False}
            cases.append(ProcessorCase("do_normalize=False", _ask(facts, [odd]), options))
    return tuple(cases)


def scenarios(facts: ModelFacts) -> tuple[Scenario, ...]:
    """Text alone, then one item of each kind, several, a batch, kinds together, embeddings."""
    asked = [Scenario("text", (Request(_SOME_WORDS),))]
    for modality in facts.modalities:
        one = _ask(facts, [_item(modality, 1, shape=2.0)])
        asked.append(Scenario(modality.kind, (one,), optional=False))
    for modality in facts.modalities:
        asked += _several(facts, modality)
    if len(facts.modalities) > 1:
        items = [_item(modality, 8) for modality in facts.modalities]
        name = " and ".join(modality.kind for modality in facts.modalities)
        asked.append(Scenario(name, (_ask(facts, items, " with "),)))
    if facts.knows_parts:
        images = next(one for one in facts.modalities if one.kind == "image")
        embedded = _ask(facts, [_item(images, 7, shape=2.0)])
        asked.append(Scenario("image embeddings", (embedded,), embeds=True, optional=False))
    return tuple(asked)


def _several(facts: ModelFacts, modality: ModalityFacts) -> Iterator[Scenario]:
    """Two items in one prompt, and a batch of unequal ones with a prompt of words in it."""
    two = [_item(modality, 2, shape=2.0), _item(modality, 3, shape=0.5, length=0.5)]
    side_by_side = [_item(modality, 5, shape=0.5), _item(modality, 6, length=0.75)]
    if modality.most_items > 1:
        yield Scenario(f"two {_plural(modality)}", (_ask(facts, two, " with "),))
    else:
        side_by_side = side_by_side[:1]
    batch = "mixed batch" if modality.kind == "image" else f"{modality.kind} batch"
    small = _item(modality, 4, scale=(0.5, 0.34), length=0.5)
    requests = (_ask(facts, [small]), Request("Only words here."), _ask(facts, side_by_side))
    yield Scenario(batch, requests)


def _ask(facts: ModelFacts, items: Sequence[Item], between: str = "") -> Request:
    """Put the question about some items, with words between them perhaps."""
    by_kind = {modality.kind: modality for modality in facts.modalities}
    asked = [by_kind[item.kind] for item in items]
    text = facts.question.replace("{items}", between.join(one.prompt for one in asked))
    written = [one.prompt if one.vllm_prompt is None else one.vllm_prompt for one in asked]
    vllm_text = facts.question.replace("{items}", between.join(written))
    return Request(text, tuple(items), None if vllm_text == text else vllm_text)


def _typical_items(modality: ModalityFacts) -> Iterator[Item]:
    """Items of many shapes, the typical one first; their seeds count from 100."""
    if modality.kind == "audio":
        for seed, length in enumerate((1.0, 0.5, 0.75, 1.25), start=100):
            yield _item(modality, seed, length=length)
        return
    if modality.kind == "video":
        for seed, (shape, length) in enumerate(
            ((1.0, 1.0), (2.0, 0.5), (0.5, 0.75), (4 / 3, 1.5)), start=100
        ):
            yield _item(modality, seed, shape=shape, length=length)
        return
    side = round((modality.width * modality.height) ** 0.5)
    sizes = [_size(modality, ratio) for ratio in _ASPECT_RATIOS] + _random_sizes(side)
    for seed, (width, height) in enumerate(dict.fromkeys(sizes), start=100):
        yield Item("image", seed, width, height)


def _item(
    modality: ModalityFacts,
    seed: int,
    *,
    shape: float = 1.0,
    scale: tuple[float, float] = (1.0, 1.0),
    length: float = 1.0,
) -> Item:
    """An item of about the typical size, in another shape, scale or length."""
    if modality.kind == "audio":
        return Item("audio", seed, seconds=modality.seconds * length, rate=modality.rate)
    width, height = _size(modality, shape)
    # One more than the share of the side, so that an odd size comes up.
    if scale != (1.0, 1.0):
        width, height = int(width * scale[0]) + 1, int(height * scale[1]) + 1
    if modality.kind == "image":
        return Item("image", seed, width, height)
    # An even number of frames: many encoders take them in pairs.
    frames = max(2, 2 * round(modality.frames * length / 2))
    return Item("video", seed, width, height, frames)


def _size(modality: ModalityFacts, shape: float) -> tuple[int, int]:
    """The typical number of pixels, with the width over the height times `shape`."""
    root = shape**0.5
    return max(1, round(modality.width * root)), max(1, round(modality.height / root))


def _random_sizes(side: int) -> list[tuple[int, int]]:
    draw = random.Random(0)  # noqa: S311 - the same sizes in every run
    return [
        (draw.randint(side // 3 + 1, 2 * side), draw.randint(side // 3 + 1, 2 * side))
        for _ in range(_RANDOM_SIZES)
    ]


def _describe(item: Item) -> str:
    if item.kind == "audio":
        return f"{item.seconds:g} s"
    size = f"{item.width}x{item.height}"
    return f"{item.frames} frames of {size}" if item.kind == "video" else size


def _plural(modality: ModalityFacts) -> str:
    return {"image": "images", "video": "videos", "audio": "recordings"}[modality.kind]
