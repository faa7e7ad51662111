"""Faults of what a class says of itself: how large an item may be, and its modules' names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from .patches import patched
from .registry import Found, operator
from .specimen import Specimen

_BUDGET = "budget"
_NAMES = "names"


def _maxima(specimen: Specimen, change: Callable[[int], int]) -> Iterator[Found]:
    """Mutants that declare another maximum for one modality."""
    for kind in _planned(specimen):

        def apply(kind: str = kind) -> Any:
            stack = ExitStack()
            for processor in specimen.processors:
                declare = _declaring(processor, kind, change)
                stack.enter_context(patched(processor.info, "get_mm_max_tokens_per_item", declare))
            return stack

        yield kind, ("budget",), apply


def _planned(specimen: Specimen) -> list[str]:
    """The modalities of which the engine takes any item."""
    if not specimen.processors:
        return []
    limits = specimen.processors[0].info.allowed_mm_limits
    return [kind for kind, limit in limits.items() if limit]


def _declaring(processor: Any, kind: str, change: Callable[[int], int]) -> Callable[..., Any]:
    own = processor.info.get_mm_max_tokens_per_item

    def declare(seq_len: int, mm_counts: Any) -> Any:
        declared = dict(own(seq_len, mm_counts) or {})
        if kind not in mm_counts:
            return declared or None
        if kind not in declared:  # the engine would count what the class's own item comes to
            (place,) = processor.get_dummy_mm_inputs({kind: 1})["mm_placeholders"][kind]
            declared[kind] = place.get_num_embeds()
        return declared | {kind: change(declared[kind])}

    return declare


@operator("declared maximum one too small", _BUDGET, parts=("budget",))
def _one_less(specimen: Specimen) -> Iterator[Found]:
    return _maxima(specimen, lambda declared: declared - 1)


@operator("declared maximum halved", _BUDGET, parts=("budget",))
def _half(specimen: Specimen) -> Iterator[Found]:
    return _maxima(specimen, lambda declared: declared // 2)


@operator("fused names not declared", _NAMES, parts=("names",))
def _unpacked(specimen: Specimen) -> Iterator[Found]:
    """The names of an adapter's fused parts lead nowhere."""
    name = "packed_modules_mapping"
    # vLLM asks the parts where the whole says nothing.
    holders = [one for one in (specimen.model, *specimen.model.children()) if getattr(one, name, 0)]

    def apply() -> Any:
        stack = ExitStack()
        for holder in holders:
            stack.enter_context(patched(holder, name, {}))
        return stack

    if holders:
        yield name, ("weights",), apply


@operator("names of an adapter lead nowhere", _NAMES, parts=("names",))
def _unmapped(specimen: Specimen) -> Iterator[Found]:
    """The mapper that turns HF's names into the class's forgets to."""
    if getattr(specimen.model, "hf_to_vllm_mapper", None) is not None:
        yield (
            "hf_to_vllm_mapper",
            ("weights",),
            lambda: patched(specimen.model, "hf_to_vllm_mapper", None),
        )


@operator("prefix of a part leads nowhere", _NAMES, parts=("names",))
def _misnamed(specimen: Specimen) -> Iterator[Found]:
    """What the class calls its language model, tower or connector is not there."""
    from dataclasses import replace

    own = getattr(specimen.model, "get_mm_mapping", None)
    if own is None:
        return
    mapping = own()
    for part in ("language_model", "connector", "tower_model"):
        prefixes = getattr(mapping, part)
        if not prefixes:
            continue
        wrong = replace(mapping, **{part: [f"{prefix.rstrip('.')}_x." for prefix in prefixes]})

        def apply(wrong: Any = wrong) -> Any:
            return patched(specimen.model, "get_mm_mapping", lambda: wrong)

        yield f"get_mm_mapping, {part}", ("weights",), apply
