"""What a model's source and transformers say about the names of its weights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mmport.anatomy.classes import ModelClass, find_class
from mmport.anatomy.features.within import inherited_attributes
from mmport.anatomy.submodels import Inside, read_inside
from mmport.core.source_tree import SourceTree
from mmport.model.conversions import Conversions, WeightFacts
from mmport.model.spec import Anatomy
from mmport.weights.conversion_source import class_rules
from mmport.weights.conversions import library_table, model_conversions


def read_weight_facts(top: ModelClass, anatomy: Anatomy, config: Mapping[str, Any]) -> WeightFacts:
    """Read what decides how a checkpoint's names become those of a wrapped port.

    Args:
        top: HF's class of the whole.
        anatomy: what was read of it.
        config: its config with defaults filled in, as a dictionary.

    Raises:
        MalformedSource: transformers converts such checkpoints in a way that
            cannot be read.
    """
    inside = read_inside(top, config)
    own = next((rules for item in top.lineage if (rules := class_rules(item.node))), ())
    conversions = model_conversions(library_table(), inside.submodels, own=own)
    parts = [_below(anatomy.path, part) for part in anatomy.parts]
    language = anatomy.language_model
    return WeightFacts(
        parts=tuple(
            one for one in anatomy.parts if _has_tensors(inside, _below(anatomy.path, one))
        ),
        conversions=conversions,
        names=tuple(_names(inside, (*parts, language), conversions)),
        left_out=tuple(_left_out(top.tree, inside, anatomy)),
        transient=tuple(sorted({name for part in parts for name in inside.transient_below(part)})),
        ignored=tuple(
            (path, tuple(sorted(found))) for path, found in inside.ignored.items() if found
        ),
        borrowed_text=inside.modules.get(language) not in (None, inside.modules[anatomy.path])
        if anatomy.path in inside.modules
        else False,
    )


def _has_tensors(inside: Inside, path: str) -> bool:
    """Tell whether there can be tensors at a path; what was not read may have some."""
    return path in inside.holders | inside.opaque or path not in inside.attributes


def _names(
    inside: Inside, paths: Iterable[str], conversions: Iterable[Conversions]
) -> Iterable[tuple[str, tuple[str, ...]]]:
    """Give what is below each path, as far as a rule may speak of it."""
    words = _words(conversions) | {
        word for patterns in inside.ignored.values() for one in patterns for word in _split(one)
    }
    within = [
        item.path for item in inside.submodels if any(_is_in(item.path, one) for one in paths)
    ]
    for path in dict.fromkeys((*paths, *within)):
        names = inside.names_below(path)
        if names is not None:
            yield path, tuple(sorted(name for name in names if any(word in name for word in words)))


def _words(conversions: Iterable[Conversions]) -> set[str]:
    targets = [rule.target for scope in conversions for rule in scope.names]
    targets += [
        target for scope in conversions for rule in scope.tensors for target in rule.targets
    ]
    return {word for target in targets for word in _split(target)}


def _split(text: str) -> list[str]:
    return re.findall(r"[A-Za-z_]\w*", re.sub(r"\\[a-z\d]", ".", text))


def _left_out(tree: SourceTree, inside: Inside, anatomy: Anatomy) -> Iterable[str]:
    language = anatomy.language_model.removeprefix(anatomy.path).removeprefix(".")
    taken = {*anatomy.parts, language, language.partition(".")[0], "lm_head"}
    held = {"": (anatomy.module, anatomy.owner)}
    if (within := anatomy.within) is not None:
        held[within.attribute] = (within.module, within.owner)
    for path, (module, owner) in held.items():
        # What is a decoder of transformers itself has that one's own modules too.
        found = find_class(tree, module, owner) if path == language else None
        decoders = inherited_attributes(found) if found else frozenset()
        for name in sorted(inside.attributes.get(_below(anatomy.path, path), ())):
            part = _below(path, name)
            held_there = _below(anatomy.path, part) in inside.holders
            if part not in taken and name not in decoders and held_there:
                yield part


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _is_in(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}.")
