"""Random weights with which a model says something, and tells images apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from .images import make_image

if TYPE_CHECKING:
    import torch

NEW_TOKENS = 16
_SHIFT = 0.1
"""Standard deviation of what is added to norms and biases, lest a lost one not show."""

_UNSPOKEN = 0.02
"""What the head's rows of tokens that should not be said are multiplied by."""

_DEVIATIONS = (
    *product((0.1, 0.14, 0.07), (1.0, 0.5, 0.2)),
    # Where embeddings are scaled up and are the head too, a token only repeats
    # itself unless the layers outweigh it.
    *product((0.25, 0.4), (0.1, 0.05, 0.03)),
)
"""Of matrices and of embeddings, in the order in which they are tried."""

_SEEDS = 6


@dataclass(frozen=True)
class Recipe:
    """How weights are drawn: standard deviations of matrices and embeddings, and the seed."""

    deviation: float
    embedding_deviation: float
    seed: int


@dataclass(frozen=True)
class Demands:
    """What a model must do to be worth comparing.

    `gap` is the smallest distance (in logits) between the first and the second
    token over all greedy steps; `effect` how far another image must move the
    largest of the first step's logits.
    """

    distinct: int = 6
    gap: float = 0.004
    effect: float = 0.05


@dataclass(frozen=True)
class Behaviour:
    """What a model does: as `Demands`, measured."""

    distinct: int
    gap: float
    effect: float
    tokens: list[int]

    def meets(self, demands: Demands) -> bool:
        """Whether every demand is met; a NaN meets none."""
        return (
            self.distinct >= demands.distinct
            and self.gap >= demands.gap
            and self.effect >= demands.effect
        )


def recipes(seed: int) -> Iterator[Recipe]:
    """List the recipes to try, the one that works for most models first."""
    for number in range(_SEEDS):
        for deviation, embedding in _DEVIATIONS:
            yield Recipe(deviation, embedding, seed * _SEEDS + number)


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

    def fill(self, recipe: Recipe) -> None:
        """Draw every parameter anew; norms and biases stay near where they started."""
        import torch

        generator = torch.Generator().manual_seed(recipe.seed)
        with torch.no_grad():
            for name, parameter in self._model.named_parameters():
                if name in self._start:
                    noise = torch.empty_like(parameter).normal_(0.0, _SHIFT, generator=generator)
                    parameter.copy_(self._start[name] + noise)
                else:
                    wide = parameter in self._embeddings
                    deviation = recipe.embedding_deviation if wide else recipe.deviation
                    parameter.normal_(0.0, deviation, generator=generator)
            self._model.get_output_embeddings().weight[self._unspoken] *= _UNSPOKEN


def measure(model: Any, processor: Any, image_size: int) -> Behaviour:
    """Let a model speak about nothing, one image, another one, and both."""
    import torch

    token = processor.image_token
    one = make_image(image_size * 2, image_size * 3 // 2, 11)
    other = make_image(image_size * 3 // 2, image_size * 2, 12)
    question = f"USER: {token}\nWhat is shown in this image? ASSISTANT:"
    prompts: list[tuple[str, Sequence[Any]]] = [
        (question, [one]),
        (question, [other]),
        ("USER: Which colours can you see? ASSISTANT:", []),
        (f"USER: {token}{token}\nCompare the two images. ASSISTANT:", [one, other]),
    ]
    answers = [_greedy(model, processor, text, images) for text, images in prompts]
    logits = [answer[1] for answer in answers]
    best = torch.stack([steps.topk(2).values for steps in logits])
    effect = (logits[0][0] - logits[1][0]).abs().max()
    return Behaviour(
        distinct=len(set(answers[0][0])),
        gap=float((best[..., 0] - best[..., 1]).min()),
        effect=float(effect),
        tokens=answers[0][0],
    )


def _greedy(
    model: Any, processor: Any, text: str, images: Sequence[Any]
) -> tuple[list[int], torch.Tensor]:
    """Greedy tokens and the logits (new tokens, vocabulary) that they were taken from."""
    import torch
    from transformers import GenerationConfig

    inputs = processor(text=text, images=list(images) or None, return_tensors="pt")
    if "pixel_values" in inputs:
        inputs["pixel_values"] = inputs["pixel_values"].to(model.dtype)
    own = model.generation_config
    model.generation_config = GenerationConfig(
        do_sample=False,
        max_new_tokens=NEW_TOKENS,
        eos_token_id=None,
        pad_token_id=0,
        output_logits=True,
        return_dict_in_generate=True,
    )
    with torch.inference_mode():
        generated = model.generate(**inputs)
    model.generation_config = own
    tokens = generated.sequences[0, inputs["input_ids"].shape[1] :].tolist()
    return tokens, torch.stack([step[0].float() for step in generated.logits])


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
        f" {best.gap:.4g} ({demands.gap}), another image moves a logit by {best.effect:.4g}"
        f" ({demands.effect})"
    )
