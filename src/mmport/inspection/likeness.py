"""Which decoder that vLLM serves computes what another one does, by the outlines of both."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from typing import Any

from mmport.anatomy.classes import ModelClass, find_class
from mmport.anatomy.decoder.decoders import Outline, outline
from mmport.anatomy.decoder.settled import ConfigView
from mmport.inspection import hf_library
from mmport.model.spec import Rotation, Setting
from mmport.vllm_api.catalog import Catalog

_ROTARY = re.compile(r"rotary in (pairs|halves)")
_MODELS = "transformers.models."
_NEAR = 12
"""Differences beyond which no setting is tried to mend them."""
_FLIPPED = 2
"""How many settings may have to differ from their defaults."""

Difference = tuple[str, str, str]
"""Where two outlines differ, what is there in the one, and in the other."""


@dataclass(frozen=True, slots=True)
class Alike:
    """A causal LM of transformers that vLLM serves, held against a decoder.

    `settings` are attributes that the config lacks and vLLM's class reads;
    `rotation` is how the decoder rotates where the class does it the other way.
    """

    architecture: str
    settings: tuple[Setting, ...] = ()
    rotation: Rotation | None = None
    differences: tuple[Difference, ...] = ()


@dataclass(slots=True)
class _Overridden:
    """The defaults of a config class, some of them replaced."""

    defaults: Any
    values: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        values = object.__getattribute__(self, "values")
        if name in values:
            return values[name]
        return getattr(object.__getattribute__(self, "defaults"), name)


def alike(
    decoder: ModelClass, config: Any, catalog: Catalog, *, aside: frozenset[str] = frozenset()
) -> tuple[Alike, ...]:
    """Find the causal LMs that vLLM serves and that compute the same, the likeliest first.

    Args:
        decoder: the class of the decoder.
        config: the text config.
        catalog: the vLLM release.
        aside: the decoder's own attributes that are no part of the language model.

    Returns:
        Those without a difference; if there are none, the nearest one with what it differs in.
    """
    wanted = outline(decoder, ConfigView(config), aside)
    if not _whole(wanted):
        return ()
    near: list[Alike] = []
    for group in _groups(decoder, wanted, catalog):
        seen = [_held_against(name, wanted, config, aside) for name in group]
        found = [item for item in seen if not item.differences]
        if found:
            return tuple(sorted(found, key=_likelihood(_kin(decoder))))
        near.extend(seen)
    return (min(near, key=lambda item: len(item.differences)),) if near else ()


def _likelihood(kin: Mapping[str, int]) -> Callable[[Alike], tuple[bool, int, int, str]]:
    """Order by kinship of the source, and by how much has to be told the class."""

    def rank(item: Alike) -> tuple[bool, int, int, str]:
        distance = kin.get(hf_library.causal_lm_types()[item.architecture], len(kin))
        return (item.rotation is not None, distance, len(item.settings), item.architecture)

    return rank


def _whole(found: Outline) -> bool:
    """Tell whether a decoder was understood: layers, with attention in them."""
    attends = any(
        "attention(" in step for steps in found.steps.values() for way in steps for step in way
    )
    return attends and any(path.startswith("layers.*.") for path in found.parts)


def _groups(decoder: ModelClass, wanted: Outline, catalog: Catalog) -> Iterator[list[str]]:
    """Give those that the decoder's source was written after, then all others that could fit."""
    names = {part for path in wanted.parts for part in path.split(".") if part.isidentifier()}
    kin = _kin(decoder)
    known = _served(catalog)
    fitting = [name for name, model_type in known.items() if names <= _attributes(model_type)]
    near = [name for name in fitting if known[name] in kin]
    yield near
    yield [name for name in fitting if name not in near]


@cache
def _kin(decoder: ModelClass) -> Mapping[str, int]:
    """Name the model types whose source a class's module was put together from, nearest first.

    transformers ships the module that its generated ones are made of.
    """
    seen: dict[str, int] = {}
    if not decoder.module.startswith(_MODELS):  # a repo's own, perhaps made of transformers'
        inside = [one.module for one in decoder.lineage if one.module.startswith(_MODELS)]
        parents = (one.removeprefix(_MODELS).partition(".")[0] for one in inside)
        seen = {parent: place for place, parent in enumerate(dict.fromkeys(parents))}
    queue = deque([decoder.module])
    while queue:
        module = queue.popleft()
        folder, _, name = module.rpartition(".")
        text = decoder.tree.text(f"{folder}.{name.replace('modeling_', 'modular_', 1)}") or ""
        for parent in re.findall(r"^from \.\.\w+\.(?:modeling|modular)_(\w+) import", text, re.M):
            if parent not in seen:
                seen[parent] = len(seen)
                queue.append(f"transformers.models.{parent}.modeling_{parent}")
    return seen


def _served(catalog: Catalog) -> Mapping[str, str]:
    """Map the architectures of vLLM's own text classes to transformers' model types.

    Its backend runs the very decoder that it is given, whatever that is like.
    """
    types = hf_library.causal_lm_types()
    return {name: types[name] for name in catalog.architectures["text_generation"] if name in types}


@cache
def _attributes(model_type: str) -> frozenset[str]:
    """Name what a model type's module assigns to `self`, without parsing it."""
    text = hf_library.source_tree().text(hf_library.modeling_module(model_type)) or ""
    return frozenset(re.findall(r"self\.(\w+)(?:: [^=\n]+)? = ", text))


def _held_against(architecture: str, wanted: Outline, config: Any, aside: frozenset[str]) -> Alike:
    model_type = hf_library.causal_lm_types()[architecture]
    name = hf_library.decoder_class(model_type)
    found = name and find_class(
        hf_library.source_tree(), hf_library.modeling_module(model_type), name
    )
    if not found:
        return Alike(architecture, differences=(("", "", "no such class"),) * (_NEAR + 1))
    defaults = _Overridden(hf_library.build_config(model_type, {}))
    seen, borrowed = _read(found, config, defaults, aside)
    best = Alike(architecture, _settings(borrowed), differences=_differences(wanted, seen))
    if 0 < len(best.differences) <= _NEAR:
        best = _mended(best, found, wanted, config, defaults, borrowed, aside)
    return _with_rotation(best)


def _read(
    found: ModelClass, config: Any, defaults: _Overridden, aside: frozenset[str]
) -> tuple[Outline, dict[str, Any]]:
    view = ConfigView(config, defaults)
    return outline(found, view, aside), view.borrowed


def _mended(
    best: Alike,
    found: ModelClass,
    wanted: Outline,
    config: Any,
    defaults: _Overridden,
    borrowed: Mapping[str, Any],
    aside: frozenset[str],
) -> Alike:
    """Set what the config lacks otherwise than by default, if that makes them one."""
    others = {
        name: not value if isinstance(value, bool) else 0
        for name, value in borrowed.items()
        if value
    }
    others |= {name: True for name, value in borrowed.items() if value is False}
    for count in range(1, _FLIPPED + 1):
        for names in combinations(sorted(others), count):
            defaults.values = {name: others[name] for name in names}
            seen, asked = _read(found, config, defaults, aside)
            left = _differences(wanted, seen)
            if len(left) < len(best.differences):
                best = Alike(best.architecture, _settings(asked), differences=left)
            if not left:
                return best
    return best


def _settings(borrowed: Mapping[str, Any]) -> tuple[Setting, ...]:
    """Give the switches among what was borrowed; sizes are none of ours to set."""
    return tuple(
        (name, value)
        for name, value in sorted(borrowed.items())
        if isinstance(value, bool) or (isinstance(value, int) and value == 0)
    )


def _with_rotation(item: Alike) -> Alike:
    """Turn a difference in nothing but the rotation into what the class must be told."""
    here = {_rotation(one) for _, one, _ in item.differences}
    if not item.differences or any(
        _ROTARY.sub("", one) != _ROTARY.sub("", other) for _, one, other in item.differences
    ):
        return item
    if len(here) != 1 or (rotation := here.pop()) is None:
        return item
    return Alike(item.architecture, item.settings, rotation)


def _rotation(text: str) -> Rotation | None:
    found = set(_ROTARY.findall(text))
    if found == {"pairs"}:
        return "pairs"
    return "halves" if found == {"halves"} else None


def _differences(one: Outline, other: Outline) -> tuple[Difference, ...]:
    found: list[Difference] = []
    for here, there in ((one.parts, other.parts), (one.steps, other.steps)):
        for path in sorted(here.keys() | there.keys()):
            sides = _told(here.get(path)), _told(there.get(path))
            if sides[0] != sides[1]:
                found.append((path, *sides))
    return tuple(found)


def _told(kinds: Any) -> str:
    if kinds is None:
        return "nothing"
    return " or ".join(sorted(kind if isinstance(kind, str) else ", ".join(kind) for kind in kinds))
