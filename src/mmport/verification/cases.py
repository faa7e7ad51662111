"""What both sides are asked: processor cases and scenarios, for one model."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from mmport.model.spec import VlmSpec

ImageSize = tuple[int, int, int]
"""Width and height in pixels, and the seed of the picture."""

_ASPECT_RATIOS = (1.0, 2.0, 0.5, 3.0, 1 / 3, 4 / 3, 9 / 16, 5.0)
_RANDOM_SIZES = 8
_TOKENS_OF_TEXT = 192
"""Room for the words of a prompt, more than any tokenizer makes of them."""


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt; each image is made from its size and seed."""

    text: str
    images: tuple[ImageSize, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """Requests that are sent together; `embeds`: features in place of pixels."""

    name: str
    requests: tuple[Request, ...]
    embeds: bool = False


@dataclass(frozen=True, slots=True)
class ProcessorCase:
    """One call of the processor, with a user's options for it."""

    name: str
    text: str
    images: tuple[ImageSize, ...]
    mm_processor_kwargs: dict[str, bool] = field(default_factory=dict)


def processor_cases(spec: VlmSpec) -> tuple[ProcessorCase, ...]:
    """Many image sizes, several images in a prompt, and a user's option."""
    token, side = _placeholder(spec), spec.encoders[0].image_size
    text = f"{token}\nWhat is shown here?"
    sizes = [_size(side, ratio) for ratio in _ASPECT_RATIOS] + _random_sizes(side)
    single = [
        ProcessorCase(f"{width}x{height}", text, ((width, height, seed),))
        for seed, (width, height) in enumerate(dict.fromkeys(sizes), start=100)
    ]
    several = ProcessorCase(
        "three images",
        f"First {token} then {token}, and last {token}",
        tuple((*size, seed) for seed, size in enumerate(sizes[1:4], start=200)),
    )
    unnormalized = ProcessorCase(
        "do_normalize=False", text, ((*sizes[5], 300),), {"do_normalize": False}
    )
    return (*single, several, unnormalized)


def scenarios(spec: VlmSpec) -> tuple[Scenario, ...]:
    """Text alone, one image, two images, a batch of mixed sizes, embeddings."""
    token, side = _placeholder(spec), spec.encoders[0].image_size
    wide, tall, small = _size(side, 2.0), _size(side, 0.5), (side // 2 + 1, side // 3 + 1)
    question = f"USER: {token}\nWhat is shown here?\nASSISTANT:"
    return (
        Scenario("text", (Request("The cat sat on the mat, and the dog"),)),
        Scenario("image", (Request(question, ((*wide, 1),)),)),
        Scenario(
            "two images",
            (Request(f"Compare {token} with {token}, please.", ((*wide, 2), (*tall, 3))),),
        ),
        Scenario(
            "mixed batch",
            (
                Request(question, ((*small, 4),)),
                Request("Only words here."),
                Request(f"{token}{token} Which one?", ((*tall, 5), (side, side, 6))),
            ),
        ),
        Scenario("image embeddings", (Request(question, ((*wide, 7),)),), embeds=True),
    )


def most_images(asked: tuple[Scenario, ...], cases: tuple[ProcessorCase, ...]) -> int:
    """The largest number of images in one prompt."""
    requests = [request.images for scenario in asked for request in scenario.requests]
    return max(len(images) for images in [*requests, *(case.images for case in cases)])


def context_length(spec: VlmSpec, asked: tuple[Scenario, ...], new_tokens: int) -> int:
    """Positions that the longest prompt and its answer need."""
    images = max(len(request.images) for scenario in asked for request in scenario.requests)
    return spec.placeholders[0].tokens_per_item * images + _TOKENS_OF_TEXT + new_tokens


def _placeholder(spec: VlmSpec) -> str:
    return spec.placeholders[0].token


def _size(side: int, aspect_ratio: float) -> tuple[int, int]:
    """A size of about `side` squared pixels, of the given width over height."""
    root = aspect_ratio**0.5
    return max(1, round(side * root)), max(1, round(side / root))


def _random_sizes(side: int) -> list[tuple[int, int]]:
    draw = random.Random(0)  # noqa: S311 - the same sizes in every run
    return [
        (draw.randint(side // 3 + 1, 2 * side), draw.randint(side // 3 + 1, 2 * side))
        for _ in range(_RANDOM_SIZES)
    ]
