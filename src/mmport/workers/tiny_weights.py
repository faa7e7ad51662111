"""Random weights with which a model says something, and tells its items apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .tiny_behaviour import Behaviour

_SHIFT = 0.1
"""Standard deviation of what is added to norms and biases, lest a lost one not show."""

_LARGE_SHIFT = 2.0

_UNSPOKEN = 0.02
"""What the head's rows of tokens that should not be said are multiplied by."""

_DEVIATIONS = (
    *product((0.1, 0.14, 0.07), (1.0, 0.5, 0.2), (_SHIFT,)),
    *product((0.25, 0.4), (0.1, 0.05, 0.03), (_SHIFT,)),
)
"""Of matrices, of embeddings, of norms and biases, in the order in which they are tried."""

_TIED_DEVIATIONS = (
    *product((0.1, 0.25), (0.1,), (_LARGE_SHIFT,)),
    *product((0.3, 0.5), (0.2,), (_SHIFT,)),
    *_DEVIATIONS,
)
"""The same where embeddings are the head too: there a token only repeats itself
unless the layers outweigh it, or the norms among and after them do."""

_SEEDS = 6


@dataclass(frozen=True)
class Recipe:
    """How weights are drawn: standard deviations, and the seed.

    They are of matrices, of embeddings, and of what is added to norms and biases.
    """

    deviation: float
    embedding_deviation: float
    seed: int
    shift: float = _SHIFT


@dataclass(frozen=True)
class Demands:
    """What a model must do to be worth comparing.

    `gap` is the smallest distance (in logits) between the first and the second
    token over all greedy steps; `effect` and `order` how far another item, and
    the same items in another order, must move the largest of the first step's
    logits; `fault` how far a small fault on the encoder's side must move the
    largest of its logprobs.
    """

    distinct: int = 6
    gap: float = 0.004
    effect: float = 0.05
    order: float = 0.01
    fault: float = 0.01


def recipes(seed: int, *, tied: bool = False) -> Iterator[Recipe]:
    """List the recipes to try, the one that works for most models first.

    Args:
        seed: differs for other weights.
        tied: the embeddings are the head too.
    """
    for number in range(_SEEDS):
        for deviation, embedding, shift in _TIED_DEVIATIONS if tied else _DEVIATIONS:
            yield Recipe(deviation, embedding, seed * _SEEDS + number, shift)


class Filler:
    """Fills a model's parameters, again and again, from where HF initialised them."""

    def __init__(self, model: Any, unspoken: Sequence[int]) -> None:
        """Remember where the parameters start.

        Args:
            model: as HF initialised it.
            unspoken: token ids that the model should not say, such as the
                placeholder's and those that the tokenizer cannot decode.
        """
        import torch

        self._model = model
        self._unspoken = torch.tensor(unspoken)
        self._start = {
            name: parameter.detach().clone()
            for name, parameter in model.named_parameters()
            if parameter.dim() < 2
        }
        self._embeddings = {
            parameter
            for module in model.modules()
            if isinstance(module, torch.nn.Embedding)
            for parameter in module.parameters(recurse=False)
        }
        self._statistics = [
            (module.running_mean, module.running_var)
            for module in model.modules()
            if isinstance(getattr(module, "running_mean", None), torch.Tensor)
        ]

    @property
    def tied(self) -> bool:
        """Whether the embeddings are the head too."""
        head = self._model.get_output_embeddings()
        return head is not None and head.weight in self._embeddings

    def start(self, name: str) -> Any:
        """Where a norm or bias started: what a lost one falls back to."""
        return self._start[name]

    def fill(self, recipe: Recipe) -> None:
        """Draw every parameter anew; norms and biases stay near where they started."""
        import torch

        generator = torch.Generator().manual_seed(recipe.seed)
        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                if name in self._start:
                    noise = torch.empty_like(parameter)
                    noise.normal_(0.0, recipe.shift, generator=generator)
                    parameter.copy_(self._start[name] + noise)
                else:
                    wide = parameter in self._embeddings
                    deviation = recipe.embedding_deviation if wide else recipe.deviation
                    parameter.normal_(0.0, deviation, generator=generator)
            head = self._model.get_output_embeddings()
            if head is not None:
                head.weight[self._unspoken] *= _UNSPOKEN
            for mean, variance in self._statistics:
                mean.normal_(0.0, _SHIFT, generator=generator)
                variance.uniform_(1 - _SHIFT, 1 + _SHIFT, generator=generator)


def search(
    candidates: Iterator[Recipe], attempt: Callable[[Recipe], Behaviour], demands: Demands
) -> tuple[Recipe, Behaviour, int]:
    """Try recipes until one meets the demands; also tell how many it took.

    Raises:
        RuntimeError: none does; tells how near the nearest came.
    """
    seen: list[Behaviour] = []
    for recipe in candidates:
        behaviour = attempt(recipe)
        seen.append(behaviour)
        if behaviour.meets(demands):
            return recipe, behaviour, len(seen)
    best = max(seen, key=lambda found: (min(found.distinct, demands.distinct), found.gap))
    raise RuntimeError(
        f"none of {len(seen)} weights makes this model worth comparing; the best says"
        f" {best.distinct} distinct tokens (wanted: {demands.distinct}), its smallest gap is"
        f" {best.gap:.4g} ({demands.gap}), another item moves a logit by {best.effect:.4g}"
        f" ({demands.effect}), another order by {best.order} ({demands.order})"
    )
