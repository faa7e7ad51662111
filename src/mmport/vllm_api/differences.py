"""What changed for a model author from one release to another, what breaks most first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from mmport.vllm_api import store
from mmport.vllm_api.catalog import Catalog, load
from mmport.vllm_api.changes import hook_change, replacement_of
from mmport.vllm_api.frame import is_frame
from mmport.vllm_api.surface.areas import UNREAD, lies_in
from mmport.vllm_api.surface.modules import ITSELF
from mmport.vllm_api.surface.release import ReleaseNames, names_of
from mmport.vllm_api.surface.signatures import Signature, of_stub

TOUCHED: Final = (
    "vllm.attention",
    "vllm.compilation.decorators",
    "vllm.config",
    "vllm.distributed.communication_op",
    "vllm.distributed.parallel_state",
    "vllm.distributed.utils",
    "vllm.inputs",
    "vllm.model_executor.custom_op",
    "vllm.model_executor.layers",
    "vllm.model_executor.model_loader",
    "vllm.model_executor.models.interfaces",
    "vllm.model_executor.models.interfaces_base",
    "vllm.model_executor.models.module_mapping",
    "vllm.model_executor.models.utils",
    "vllm.model_executor.models.vision",
    "vllm.model_executor.sampling_metadata",
    "vllm.multimodal",
    "vllm.sequence",
    "vllm.transformers_utils",
    "vllm.utils",
)
"""Where a model file takes names from; what changes elsewhere hardly reaches one."""


class Effect(IntEnum):
    """What a change does to a model file that was right before, worst first."""

    SILENT = 1
    """A hook is never called again, and nothing fails."""
    CALLED_OTHERWISE = 2
    """A hook is called with other parameters."""
    DEMANDED = 3
    """A method has to be there that was not asked for before."""
    GONE = 4
    """A name, method or attribute is not there any more."""
    MOVED = 5
    """A name stands elsewhere."""
    TAKES_OTHERWISE = 6
    """A function or constructor takes other arguments."""
    UNREGISTERED = 7
    """The registry has no such architecture any more."""
    NEW = 8
    """There is something that was not there before."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One change: what it does, where, what stood there and stands there now."""

    effect: Effect
    place: str
    before: str
    after: str
    fix: str = ""


def differences(old: str, new: str) -> tuple[Difference, ...]:
    """Compare two releases, either way round.

    Raises:
        UnknownTarget: there is no catalog of one of them.
    """
    catalogs = load(old), load(new)
    before, after = names_of(old), names_of(new)
    found = [*_of_modules(before, after), *_of_registry(*catalogs)]
    return tuple(sorted(found, key=lambda one: (one.effect, _rank(one.place), one.place)))


def _of_modules(old: ReleaseNames, new: ReleaseNames) -> Iterator[Difference]:
    elsewhere = _places(new)
    for module in _modules():
        before, after = old.module(module) or {}, new.module(module) or {}
        if before == after:
            continue
        for name in sorted(before.keys() | after.keys()):
            if name == ITSELF or _is_private(name):
                continue
            found = _difference(module, name, before.get(name), after.get(name), new)
            if found and found.effect is Effect.GONE and (there := elsewhere.get(name)):
                found = Difference(Effect.MOVED, found.place, found.before, f"{there}.{name}")
            if found:
                yield found


def _difference(
    module: str, name: str, before: str | None, after: str | None, new: ReleaseNames
) -> Difference | None:
    place, hook = f"{module}.{name}", "." in name and is_frame(module)
    if before is None or after is None:
        return _come_or_gone(module, name, before, after, new)
    was, now = of_stub(before), of_stub(after)
    if was is None or now is None or was == now:
        return None
    if hook:
        return Difference(Effect.CALLED_OTHERWISE, place, before, after)
    return Difference(Effect.TAKES_OTHERWISE, place, before, after) if _narrows(was, now) else None


def _come_or_gone(
    module: str, name: str, before: str | None, after: str | None, new: ReleaseNames
) -> Difference | None:
    place, (owner, dot, member) = f"{module}.{name}", name.partition(".")
    if before is None:
        demanded = bool(dot) and "abstract" in (after or "").partition("(")[0].split()
        if dot and not demanded and not is_frame(module):
            return None
        shown = "" if (after or "").startswith("from ") else after or ""
        effect = Effect.DEMANDED if demanded else Effect.NEW
        return Difference(effect, place, "", shown) if shown else None
    found = new.find(module, owner)
    if not dot:
        gone = found is None
        fix = replacement_of(module, name, new.version)
        return Difference(Effect.GONE, place, before, "", fix) if gone else None
    if found is None or not found.is_class or new.member(found, member):
        return None
    change = hook_change(member, new.version)
    silent = is_frame(module) and before.partition("(")[0].endswith("def ")
    return Difference(
        Effect.SILENT if silent else Effect.GONE, place, before, "", change.fix if change else ""
    )


def _narrows(was: Signature, now: Signature) -> bool:
    """Tell whether a call that was right may be wrong now."""
    lost = set(was.names) - set(now.names) if not now.kwargs else set()
    order = tuple(one.name for one in was.positional)
    kept = tuple(one.name for one in now.positional)[: len(order)]
    return bool(lost) or bool(set(now.required) - set(was.required)) or order != kept


def _of_registry(old: Catalog, new: Catalog) -> Iterator[Difference]:
    for group, entries in old.architectures.items():
        there = new.architectures.get(group, {})
        others = {name for one in new.architectures.values() for name in one}
        for name, entry in entries.items():
            if name not in there:
                moved = "in another group" if name in others else ""
                place = f"{group}.{name}"
                yield Difference(Effect.UNREGISTERED, place, entry.module, moved)


def _modules() -> Iterator[str]:
    for part in store.parts():
        for module in store.subjects(part):
            if lies_in(module, TOUCHED) and not lies_in(module, UNREAD):
                yield module


def _places(names: ReleaseNames) -> Mapping[str, str]:
    """Give the module that defines each name at its top, for names that one module defines."""
    found: dict[str, list[str]] = {}
    for module in _modules():
        for name, stub in (names.module(module) or {}).items():
            if name and "." not in name and not stub.startswith(("from ", "import", "module")):
                found.setdefault(name, []).append(module)
    return {name: modules[0] for name, modules in found.items() if len(modules) == 1}


def _is_private(name: str) -> bool:
    """Tell a name that no model file uses: `* 0` and its like, private classes, dunders."""
    owner, dot, member = name.partition(".")
    return (
        owner.startswith("*")
        or (bool(dot) and owner.startswith("_"))
        or "__" in (owner[:2], member[:2])
    )


def _rank(place: str) -> int:
    return 0 if is_frame(place.rpartition(".")[0].rpartition(".")[0]) else 1
