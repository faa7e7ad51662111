"""What a tiny model does with items: does it see them, tell them apart, mind their order."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .greedy import generate_greedily
from .hf_processing import Caller

if TYPE_CHECKING:
    import torch

    from .tiny_weights import Demands

NEW_TOKENS = 16


@dataclass(frozen=True)
class Behaviour:
    """What a model does: as `Demands`, measured.

    `order` is None where a prompt takes one item alone; `text` tells whether
    the model answers a prompt without items.
    """

    distinct: int
    gap: float
    effect: float
    order: float | None
    text: bool
    tokens: list[int]

    def meets(self, demands: Demands) -> bool:
        """Whether every demand is met; a NaN meets none."""
        return (
            self.distinct >= demands.distinct
            and self.gap >= demands.gap
            and self.effect >= demands.effect
            and (self.order is None or self.order >= demands.order)
        )


@dataclass(frozen=True)
class Modality:
    """How to ask about items of one kind; `call` is what every processor call takes."""

    kind: str
    prompt: str
    question: str
    facts: Mapping[str, Any]
    call: Mapping[str, Any]

    def text(self, items: int) -> str:
        """A question about so many items."""
        return self.question.replace("{items}", self.prompt * items)

    def item(self, turned: bool, seed: int) -> dict[str, Any]:
        """Describe an item; one that is turned has its sides exchanged, or lasts longer."""
        width, height = self.facts["width"], self.facts["height"]
        if turned:
            width, height = height, width
        description = {**self.facts, "kind": self.kind, "seed": seed}
        description |= {"width": width, "height": height}
        if self.kind == "audio" and turned:
            description["seconds"] = self.facts["seconds"] * 1.5
        return description


class Speaker:
    """A model and its processor, asked about items."""

    def __init__(self, model: Any, processor: Any, modality: Modality) -> None:
        self.model = model
        self.modality = modality
        self._caller = Caller(processor, modality.call)
        self._one, self._other = modality.item(False, 11), modality.item(True, 12)

    def behaviour(self, demands: Demands) -> Behaviour:
        """Let the model speak about one item, another one, both, and nothing.

        Where the first answer alone fails the demands, nothing else is asked.
        """
        question = self.modality.text(1)
        answers = [self.answer(question, [self._one])]
        tokens, distinct = answers[0][0], len(set(answers[0][0]))
        if distinct < demands.distinct or not _smallest_gap(answers) >= demands.gap:
            gap = _smallest_gap(answers)
            return Behaviour(distinct, gap, math.nan, None, text=False, tokens=tokens)
        answers.append(self.answer(question, [self._other]))
        effect = (answers[0][1][0] - answers[1][1][0]).abs().max()
        order = None
        if self.modality.facts["most_items"] > 1:
            pair = self.modality.text(2)
            both = self.answer(pair, [self._one, self._other])
            turned = self.answer(pair, [self._other, self._one])
            order = float((both[1][0] - turned[1][0]).abs().max())
            answers += [both]
        without = self._without_items()
        return Behaviour(
            distinct=distinct,
            gap=_smallest_gap([*answers, *without]),
            effect=float(effect),
            order=order,
            text=bool(without),
            tokens=tokens,
        )

    def _without_items(self) -> list[tuple[list[int], torch.Tensor]]:
        """The answer to a prompt of words alone; nothing where HF's model takes none."""
        try:
            return [self.answer("USER: Which colours can you see? ASSISTANT:", [])]
        except Exception:  # whatever a model raises that wants an item
            return []

    def first_logprobs(self) -> torch.Tensor:
        """Logprobs (vocabulary,) of the first token said about the first item."""
        _, steps = self.answer(self.modality.text(1), [self._one], new_tokens=1)
        return steps[0].log_softmax(-1)

    def answer(
        self, text: str, items: Sequence[dict[str, Any]], *, new_tokens: int = NEW_TOKENS
    ) -> tuple[list[int], torch.Tensor]:
        """Greedy tokens and the logits (new tokens, vocabulary) that they were taken from."""
        return generate_greedily(self.model, self._inputs(text, items), new_tokens)

    def prompt_length(self, text: str, items: Sequence[dict[str, Any]]) -> int:
        """How many tokens a prompt has once its items are in it."""
        return int(self._inputs(text, items)["input_ids"].shape[-1])

    def _inputs(self, text: str, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
        import torch

        inputs = self._caller(text, items, {})
        return {
            name: self._cast(value)
            if isinstance(value, torch.Tensor) and value.is_floating_point()
            else value
            for name, value in inputs.items()
        }

    def _cast(self, value: torch.Tensor) -> torch.Tensor:
        return value if self.model is None else value.to(self.model.dtype)


def _smallest_gap(answers: Sequence[tuple[list[int], torch.Tensor]]) -> float:
    """The smallest distance between the best and the second token over all steps."""
    import torch

    best = torch.stack([steps.topk(2).values for _, steps in answers])
    return float((best[..., 0] - best[..., 1]).min())


@dataclass(frozen=True)
class Fault:
    """A seeded fault: which parameter lost its noise, and how far that moves a logprob."""

    parameter: str
    moved: float


def seed_fault(
    speaker: Speaker, starts: Callable[[str], Any], names: Sequence[str], clear: float
) -> Fault:
    """Lose one bias or norm on the encoder's side, and see whether the answer tells.

    The parameters are tried in turn, and the first that shows clearly is named;
    all are put back.

    Args:
        speaker: the model.
        starts: gives what a lost parameter falls back to.
        names: parameters of the encoder's side.
        clear: how far the largest logprob must move to show clearly; if none moves
            it so far, the one that moves it most is named.

    Raises:
        RuntimeError: there is no such parameter.
    """
    import torch

    parameters = dict(speaker.model.named_parameters())
    sound = speaker.first_logprobs()
    faults: list[Fault] = []
    for name in names:
        kept = parameters[name].detach().clone()
        with torch.no_grad():
            parameters[name].copy_(starts(name))
        moved = float((speaker.first_logprobs() - sound).abs().max())
        with torch.no_grad():
            parameters[name].copy_(kept)
        faults.append(Fault(name, moved))
        if moved >= clear:
            break
    if not faults:
        raise RuntimeError("the encoder's side has no bias and no norm that could be lost")
    return max(faults, key=lambda fault: fault.moved)
