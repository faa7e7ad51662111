"""What a release older than the one that a port was read for cannot be given.

A wrapped port is cut from the classes of transformers 5. Releases of vLLM that have
transformers 4 beside them run it where 4 has the same classes, which say where in their
own names they differ; and hooks of vLLM's processors that came late are asked for here,
so that nothing is generated that no release would call.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from importlib.resources import files

from mmport.core.errors import TRY_BACKEND, NotPortable
from mmport.core.jsonable import from_json
from mmport.model.plan import Decision, ItemPlan, Rename
from mmport.model.spec import Anatomy
from mmport.planning.wrapped_weights import ENCODER, WeightMap
from mmport.vllm_api.catalog import Target
from mmport.vllm_api.contracts import Contract

_NEWER = "choose a newer release with --target-vllm"
_LEVEL = re.compile(r"\^(?P<path>[\w\\.]+?)\\\.(?P<level>\w+)\\\.")
"""A rule's pattern that takes one level out of a path."""


@cache
def feature_methods() -> dict[str, dict[str, str]]:
    """Methods of transformers 4 by class, each with the first release that has it."""
    data = files("mmport.planning") / "data" / "transformers_4.json"
    return from_json(data.read_bytes(), dict[str, dict[str, str]])


def check_hooks(
    anatomy: Anatomy, items: tuple[ItemPlan, ...], target: Target, contract: Contract
) -> None:
    """See that a release has the hooks that a model's processing and merging need.

    Raises:
        NotPortable: it has not.
    """
    wanted = {
        "change what stands beside an item in a prompt": contract.postprocesses_prompts
        or not any(item.framed or item.written == "rewritten" for item in items),
        "embed other ids in the place of placeholders": contract.merges_embeddings
        or not anatomy.text_ids,
        "hand features to layers of the language model": contract.merges_embeddings
        or anatomy.deepstack is None,
        "compute positions of recordings": contract.positions == "features"
        or not anatomy.position_inputs
        or all(item.modality != "audio" for item in items),
    }
    for need, given in wanted.items():
        if not given:
            raise NotPortable(
                f"a port of {anatomy.owner} has to {need}, and vLLM {target.version} has no"
                " hook for that",
                _NEWER,
            )


def check_classes(
    anatomy: Anatomy, items: tuple[ItemPlan, ...], target: Target, contract: Contract
) -> tuple[Decision, ...]:
    """See that the transformers beside a release has the classes that a port is cut from.

    Raises:
        NotPortable: it has not.
    """
    if contract.transformers >= 5 or anatomy.code:
        return ()
    beside = f"transformers {contract.transformers}, which vLLM {target.version} has beside it,"
    known = feature_methods().get(anatomy.owner)
    if known is None:
        raise NotPortable(f"{beside} has no {anatomy.owner} that makes features", _NEWER)
    taken = {item.modality for item in items}
    methods = {one.name for one in anatomy.methods if one.modality in taken}
    if anatomy.position_inputs and contract.positions != "vllm":
        methods.add("get_rope_index")
    if missing := sorted(methods - known.keys()):
        raise NotPortable(f"{anatomy.owner} of {beside} has no {missing[0]}", _NEWER)
    if anatomy.deepstack is not None or anatomy.helpers or anatomy.within:
        raise NotPortable(
            f"{anatomy.owner} of {beside} gives features in another form than the one that"
            " mmport reads",
            _NEWER,
        )
    since = max((known[name] for name in methods), key=_order)
    reason = f"the first with what the port takes of {anatomy.owner}"
    return (Decision("transformers", f"{since} or newer, below 5", reason),)


def as_named_then(
    weights: WeightMap, anatomy: Anatomy, target: Target, contract: Contract
) -> WeightMap:
    """Map names to those of the encoder's modules in the transformers beside a release.

    transformers 5 took levels out of some; a port whose modules still have them puts them
    in where a checkpoint lacks them.

    Raises:
        NotPortable: names or tensors differ otherwise.
    """
    if contract.transformers >= 5 or anatomy.code:
        return weights
    if any(change.pattern.startswith(f"^{ENCODER}") for change in weights.changes):
        raise _named_otherwise(anatomy, target)
    return replace(
        weights,
        renames=tuple(_inverted(rule, anatomy, target) for rule in weights.renames),
    )


def _inverted(rule: Rename, anatomy: Anatomy, target: Target) -> Rename:
    if not rule.pattern.startswith(rf"^{ENCODER}\."):
        return rule
    found = _LEVEL.fullmatch(rule.pattern)
    path = found["path"].replace("\\.", ".") if found else ""
    if found is None or rule.replacement != f"{path}.":
        raise _named_otherwise(anatomy, target)
    return Rename(
        rf"^{found['path']}\.(?!{found['level']}\.)",
        f"{path}.{found['level']}.",
        "A level that transformers 5 has taken out.",
    )


def _named_otherwise(anatomy: Anatomy, target: Target) -> NotPortable:
    return NotPortable(
        f"tensors of {anatomy.owner} have other names in transformers 4, which vLLM"
        f" {target.version} has beside it, than mmport can turn back",
        TRY_BACKEND,
    )


def _order(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))
