"""Which hooks vLLM's frame ever called, and in which releases: what is dead, or not yet born."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from mmport.vllm_api import store
from mmport.vllm_api.surface.areas import area_of

FRAME: Final = (
    "vllm.inputs.registry",
    "vllm.model_executor.models.interfaces",
    "vllm.model_executor.models.interfaces_base",
    "vllm.multimodal",
)
"""Where the classes stand whose methods vLLM calls, and a model file overrides."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The releases that have a hook, as their places in the catalog's order."""

    places: frozenset[int]

    def before(self, version: str) -> str | None:
        """Name the newest release before one that has the hook."""
        return self._named(max((p for p in self.places if p < _place(version)), default=None))

    def until(self, version: str) -> Iterator[str]:
        """Name the releases before one that have the hook, newest first."""
        before = (place for place in self.places if place < _place(version))
        yield from (store.releases()[place] for place in sorted(before, reverse=True))

    def after(self, version: str) -> str | None:
        """Name the first release after one that has the hook."""
        return self._named(min((p for p in self.places if p > _place(version)), default=None))

    def _named(self, place: int | None) -> str | None:
        return None if place is None else store.releases()[place]


@cache
def hooks(class_name: str) -> Mapping[str, Lifetime]:
    """Give every hook that a class of the frame ever had, by name, with its releases.

    Classes moved between modules; a name means the same class wherever it stood.
    """
    found = _all_hooks().get(class_name, {})
    return {name: Lifetime(frozenset(places)) for name, places in found.items()}


@cache
def is_frame(module: str) -> bool:
    """Tell whether a module is one of those whose classes make up the frame."""
    return any(module == part or module.startswith(f"{part}.") for part in FRAME)


@cache
def _all_hooks() -> Mapping[str, Mapping[str, set[int]]]:
    found: dict[str, dict[str, set[int]]] = {}
    order = store.places()
    for area in sorted({area_of(part) for part in FRAME}):
        for module in filter(is_frame, store.subjects(area)):
            for span, stubs in store.spans(area, module).items():
                first, _, last = span.partition(":")
                lived = range(order[first], (order[last] if last else len(order) - 1) + 1)
                for name in stubs:
                    owner, dot, member = name.partition(".")
                    if dot:
                        found.setdefault(owner, {}).setdefault(member, set()).update(lived)
    return found


def _place(version: str) -> int:
    return store.places()[version]
