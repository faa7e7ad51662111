"""The values that both sides are sent: items, requests, scenarios, processor cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from mmport.model.spec import Modality

_TOKENS_OF_TEXT = 192
"""Room for the words of a prompt, more than any tokenizer makes of them."""


@dataclass(frozen=True, slots=True)
class Item:
    """An image, clip or recording that each side makes for itself (`workers/media.py`)."""

    kind: Modality
    seed: int
    width: int = 0
    height: int = 0
    frames: int = 0
    seconds: float = 0.0
    rate: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt and its items; `vllm_text` where vLLM's own class wants another text."""

    text: str
    items: tuple[Item, ...] = ()
    vllm_text: str | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """Requests that are sent together.

    `embeds`: features in place of what they are of. `optional`: where HF itself
    refuses a request, it is left out.
    """

    name: str
    requests: tuple[Request, ...]
    embeds: bool = False
    optional: bool = True


@dataclass(frozen=True, slots=True)
class ProcessorCase:
    """One call of the processor, with a user's options for it."""

    name: str
    request: Request
    mm_processor_kwargs: dict[str, bool] = field(default_factory=dict)
    optional: bool = True


@dataclass(frozen=True, slots=True)
class Questions:
    """All that a model is asked."""

    processor_cases: tuple[ProcessorCase, ...]
    scenarios: tuple[Scenario, ...]

    def most_items(self) -> dict[str, int]:
        """The largest number of items in one prompt, by modality; 0 of those not asked."""
        most: dict[str, int] = {"image": 0, "video": 0, "audio": 0}
        for request in self._requests():
            for kind, count in Counter(item.kind for item in request.items).items():
                most[kind] = max(most[kind], count)
        return most

    def context_length(self, tokens_per_item: int, new_tokens: int) -> int:
        """Positions that the longest prompt and its answer need."""
        asked = [request for scenario in self.scenarios for request in scenario.requests]
        items = max(len(request.items) for request in asked)
        return tokens_per_item * items + _TOKENS_OF_TEXT + new_tokens

    def _requests(self) -> list[Request]:
        sent = [request for scenario in self.scenarios for request in scenario.requests]
        return [*sent, *(case.request for case in self.processor_cases)]
