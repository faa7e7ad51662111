"""Faults of what an engine keeps: items, features and key-values of other requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .patches import patched, patched_alike
from .registry import Found, operator
from .specimen import Specimen

_GROUP = "caches"
_LATER = ("processor", "encoder", "merge", "decoder", "logits", "generation")


@operator("one key for all items", _GROUP, scenarios=("items", "cached"))
def _constant_hash(specimen: Specimen) -> Iterator[Found]:
    from vllm.multimodal.hasher import MultiModalHasher

    def constant(*args: Any, **kwargs: Any) -> str:
        return "0" * 64

    yield (
        "MultiModalHasher.hash_kwargs",
        _LATER,
        lambda: patched(MultiModalHasher, "hash_kwargs", staticmethod(constant)),
    )


@operator("prefix cache ignores items", _GROUP, scenarios=("cached",))
def _blind_prefix(specimen: Specimen) -> Iterator[Found]:
    from vllm.v1.core import kv_cache_utils

    def nothing(request: Any, start: int, end: int, first: int) -> tuple[None, int]:
        return None, first

    yield (
        "generate_block_hash_extra_keys",
        _LATER,
        lambda: patched(kv_cache_utils, "generate_block_hash_extra_keys", nothing),
    )


@operator("values of the item before", _GROUP, scenarios=("items", "cached"))
def _stale_values(specimen: Specimen) -> Iterator[Found]:
    """An item's processed values are those of the last one of the same shape."""

    def make(apply_processor: Callable[..., Any]) -> Callable[..., Any]:
        last: dict[Any, Any] = {}

        def call(*args: Any, **kwargs: Any) -> Any:
            result = apply_processor(*args, **kwargs)
            shapes = _shapes(result.get("mm_kwargs") or {})
            if shapes:
                values = result["mm_kwargs"]
                result["mm_kwargs"] = last.get(shapes, values)
                last[shapes] = values
            return result

        return call

    if specimen.processors:
        yield "apply", _LATER, lambda: patched_alike(specimen.processors, "apply", make)


def _shapes(values: Any) -> tuple[Any, ...]:
    """The form of all values; nothing where an item's values are elsewhere (a cache's)."""
    shapes = []
    for kind, items in values.items():
        for item in items:
            if item is None:
                return ()
            for name, element in item.items():
                shapes.append((kind, name, tuple(getattr(element.data, "shape", ()))))
    return tuple(shapes)
