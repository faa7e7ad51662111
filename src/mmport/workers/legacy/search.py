"""Searches for an item that takes more than the maximum that a class of the first API declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..budget import Search, Taken, blank, measured
from ..exchange import is_memory_error
from ..processor_search import ask
from ..sizes import describe
from ..vllm_processing import text_of
from .context import Context
from .dummy import Dummy

_MOST_SEVERAL = 3


class LegacySearch(Search):
    """The search of one modality, by what the class's input processor makes of a prompt."""

    def __init__(self, context: Context, dummy: Dummy, modality: Mapping[str, Any]) -> None:
        self.asked = context
        self.dummy = dummy
        super().__init__(None, context.payload, modality, {modality["kind"]: 1})

    def entry(self) -> dict[str, Any]:
        """Say what is declared and what was found; the maximum has to be reached, too."""
        return {**super().entry(), "has_to_reach": True}

    def _what_counts(self) -> str:
        return "tokens"

    def _context(self) -> int:
        length: int = self.asked.config.max_model_len
        return length

    def _stated(self) -> int:
        return self.dummy.declared(self.kind)

    def _dummy(self) -> tuple[Taken, dict[str, Any]]:
        items = self.dummy.items(self.kind)
        tokens = self.dummy.placeholders(self.kind) // max(1, len(items))
        size = measured(items[0], self.modality) if items else {}
        return Taken(tokens, tokens), {**self._typical(), **size}

    def _all_taken(self, items: list[dict[str, Any]]) -> list[Taken]:
        """Count the placeholders that stand for items of one size."""
        request = ask(self.payload["processor_search"], self.modality, items)
        made = [self._blank(item) for item in items]
        data = {self.asked.key(self.kind): made[0] if len(made) == 1 else made}
        try:
            done = self.asked.processed(
                text_of(request, self.payload), data, self.payload["processor_kwargs"]
            )
        except Exception as error:
            if is_memory_error(error):
                raise
            self.refused = f"{describe(items[0])}: {type(error).__name__}: {error}"
            return []
        ids = [int(token) for token in done["prompt_token_ids"]]
        if len(ids) > self.context:
            self.refused = f"{describe(items[0])} is longer than the context of {self.context}"
            return []
        each = ids.count(self.dummy.token_ids[self.kind]) // len(items)  # type: ignore[arg-type]
        return [Taken(each, each)] * len(items)

    def _blank(self, item: Mapping[str, Any]) -> Any:
        made = blank(item)
        return (made, item["rate"]) if self.kind == "audio" else made

    def _several(self, largest: dict[str, Any]) -> list[dict[str, int]]:
        count = min(_MOST_SEVERAL, self.dummy.limits[self.kind], self.modality["most_items"])
        if count < 2:
            return []
        items = [{**largest, "seed": seed} for seed in range(count)]
        return [{"tokens": one.tokens, "embeddings": one.tokens} for one in self._all_taken(items)]
