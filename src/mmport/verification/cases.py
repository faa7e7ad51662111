"""The values that both sides are sent: items, requests, scenarios, processor cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from mmport.model.spec import Modality

NEW_TOKENS = 16
"""Of an answer, where a scenario does not ask for another length."""
FREE = -1
"""Stands among forced tokens where the model chooses."""

_TOKENS_OF_TEXT = 256
"""Room for the words of a prompt, more than any tokenizer makes of them."""

Sending = Literal["together", "alone", "cached", "cut"]
"""How the engine is sent the requests of a scenario.

All in one batch; one after the other; so, and each may find in the engine's
caches what those before it left there; or one after the other with the prompt
computed in pieces, where the first ends amid the item.
"""


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
    """One prompt and its items; `vllm_text` where vLLM's own class wants another text.

    `literal`: a token that stands amid the prompt, though it is no text, as a
    placeholder does that has no item. `forced`: what the answer's first tokens
    are, whatever the model would say; `FREE` where that is the model's choice.
    """

    text: str
    items: tuple[Item, ...] = ()
    vllm_text: str | None = None
    literal: int | None = None
    forced: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """Requests, and how the engine is sent them; HF answers each by itself.

    `embeds`: HF's features in place of what they are of. `optional`: where HF
    or the engine refuses a request, it is left out. `record`: what the modules
    compute is recorded. `order`: in which the requests are sent; empty: as they
    stand.
    """

    name: str
    requests: tuple[Request, ...]
    embeds: bool = False
    optional: bool = True
    record: bool = False
    sent: Sending = "together"
    order: tuple[int, ...] = ()
    new_tokens: int = NEW_TOKENS

    @property
    def is_plain(self) -> bool:
        """Tell whether any engine can be asked, wherever its model runs."""
        literal = any(one.literal is not None or one.forced for one in self.requests)
        return self.sent == "together" and not self.embeds and not literal


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

    def context_length(self, tokens_per_item: int) -> int:
        """Positions that the longest prompt and its answer need."""
        asked = [
            tokens_per_item * len(request.items) + scenario.new_tokens
            for scenario in self.scenarios
            for request in scenario.requests
        ]
        return _TOKENS_OF_TEXT + max(asked, default=tokens_per_item + NEW_TOKENS)

    def _requests(self) -> list[Request]:
        sent = [request for scenario in self.scenarios for request in scenario.requests]
        return [*sent, *(case.request for case in self.processor_cases)]
