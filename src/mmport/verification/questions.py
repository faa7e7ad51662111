"""What a model is asked: the scenarios that its facts call for, and what its processor is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mmport.model.facts import ModalityFacts, ModelFacts
from mmport.verification.cases import FREE, Questions, Request, Scenario
from mmport.verification.items import ask, make_item, plural
from mmport.verification.processor_questions import processor_cases

_SOME_WORDS = "The cat sat on the mat, and the dog"
_MANY_WORDS = (
    "A man in a yellow coat is carrying a box of fish along the quay while a dog follows him and"
    " looks at the water, and behind them a row of white houses climbs the hill. How many people"
    " are in the picture, and what are they doing?\n"
)
"""More of a prompt than an engine keeps in one block of its cache."""
_LONG = 96
"""Tokens of a long answer."""


def questions(facts: ModelFacts) -> Questions:
    """Choose what to ask: the same for the same facts, in every run."""
    return Questions(processor_cases(facts), scenarios(facts))


def scenarios(facts: ModelFacts) -> tuple[Scenario, ...]:
    """Ask about items alone, together and in batches, then in ways that engines find hard.

    What may bring an engine down comes last: the others are answered by then.
    """
    asked = [Scenario("text", (Request(_SOME_WORDS),), record=True)]
    asked += _one_of_each(facts)
    batches: list[Scenario] = []
    for modality in facts.modalities:
        asked += _several(facts, modality)
        batches.append(_batch(facts, modality))
        asked += [_sizes(facts, modality), batches[-1]]
    if len(facts.modalities) > 1:
        items = [make_item(modality, 8) for modality in facts.modalities]
        name = " and ".join(modality.kind for modality in facts.modalities)
        asked.append(Scenario(name, (ask(facts, items, " with "),)))
    asked += _otherwise(facts, batches)
    asked += _embeddings(facts)
    asked += _literals(facts)
    return tuple(asked)


def _one_of_each(facts: ModelFacts) -> Iterator[Scenario]:
    for modality in facts.modalities:
        one = _one(facts, modality)
        yield Scenario(modality.kind, (one,), optional=False, record=True)


def _one(facts: ModelFacts, modality: ModalityFacts) -> Request:
    return ask(facts, [make_item(modality, 1, shape=2.0)])


def _several(facts: ModelFacts, modality: ModalityFacts) -> Iterator[Scenario]:
    """Two and three items in one prompt."""
    items = [
        make_item(modality, 2, shape=2.0),
        make_item(modality, 3, shape=0.5, length=0.5),
        make_item(modality, 9, length=0.75),
    ]
    for count, word in ((2, "two"), (3, "three")):
        if modality.most_items >= count:
            # The same item twice is computed once: each scenario has its own.
            own = [replace(item, seed=item.seed + 10 * count) for item in items[:count]]
            yield Scenario(f"{word} {plural(modality)}", (ask(facts, own, " with "),))


def _sizes(facts: ModelFacts, modality: ModalityFacts) -> Scenario:
    """A quarter, half and all of the typical size, in one batch."""
    items = [
        make_item(modality, 50, scale=(0.25, 0.25), length=0.25),
        make_item(modality, 51, scale=(0.5, 0.5), length=0.5),
        make_item(modality, 52),
    ]
    name = "sizes" if modality.kind == "image" else f"{modality.kind} sizes"
    return Scenario(name, tuple(ask(facts, [item]) for item in items))


def _batch(facts: ModelFacts, modality: ModalityFacts) -> Scenario:
    """A small item, words alone, and two items side by side where a prompt takes two."""
    small = make_item(modality, 4, scale=(0.5, 0.34), length=0.5)
    side_by_side = [make_item(modality, 5, shape=0.5), make_item(modality, 6, length=0.75)]
    pair = ask(facts, side_by_side[: min(2, modality.most_items)])
    name = "mixed batch" if modality.kind == "image" else f"{modality.kind} batch"
    return Scenario(name, (ask(facts, [small]), Request("Only words here."), pair))


def _otherwise(facts: ModelFacts, batches: list[Scenario]) -> Iterator[Scenario]:
    """What was asked before, sent otherwise: HF's answers are the same."""
    requests = tuple(dict.fromkeys(request for batch in batches for request in batch.requests))
    yield Scenario("alone", requests, sent="alone")
    count = len(requests)
    halves = (*range(count // 2, count), *range(count // 2))
    yield Scenario("permuted", requests, order=halves)
    ones = tuple(_one(facts, modality) for modality in facts.modalities)
    yield Scenario("long continuation", ones[:1], new_tokens=_LONG)
    yield Scenario("chunked prefill", ones, sent="cut")
    for modality in facts.modalities:
        name = "prefix cache"
        if len(facts.modalities) > 1:
            name += f", {modality.kind}"
        yield Scenario(name, _same_text(facts, modality), sent="cached")


def _same_text(facts: ModelFacts, modality: ModalityFacts) -> tuple[Request, ...]:
    """An item, the same again, another with the same text, and the first once more."""
    one, other = (
        _with_more_words(ask(facts, [make_item(modality, seed, shape=2.0)])) for seed in (60, 61)
    )
    return (one, one, other, one)


def _with_more_words(request: Request) -> Request:
    """Put words behind a prompt, so that items lie in what an engine's cache holds."""
    text = request.vllm_text
    return replace(
        request,
        text=request.text + _MANY_WORDS,
        vllm_text=None if text is None else text + _MANY_WORDS,
    )


def _embeddings(facts: ModelFacts) -> Iterator[Scenario]:
    """HF's features in place of an item; where its parts are known, that has to work."""
    for modality in facts.modalities:
        embedded = ask(facts, [make_item(modality, 7, shape=2.0)])
        name, required = f"{modality.kind} embeddings", facts.knows_parts
        yield Scenario(name, (embedded,), embeds=True, optional=not required)


def _literals(facts: ModelFacts) -> Iterator[Scenario]:
    """Placeholders that stand for nothing: one that the model says, and one that a user does."""
    known = [one for one in facts.modalities if one.token_id is not None]
    said = tuple(
        replace(_one(facts, one), forced=(FREE, one.token_id, FREE))
        for one in known
        if one.token_id is not None
    )
    if said:
        yield Scenario("literal placeholder in the answer", said)
        given = tuple(Request(_SOME_WORDS, literal=one.token_id) for one in known)
        yield Scenario("literal placeholder in the text", given, sent="alone")
