"""One release's names: where they are bound, what classes inherit, what members are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from mmport.vllm_api import store
from mmport.vllm_api.surface.areas import area_of, lies_in
from mmport.vllm_api.surface.modules import ITSELF, PACKAGE
from mmport.vllm_api.surface.stubs import EVERYTHING

BUILT: Final = ("vllm.vllm_flash_attn", "vllm._version", "vllm.third_party")
"""Packages that a release's build puts there: its source does not say what is in them."""

DECLARED: Final = ("vllm.envs",)
"""Modules that make names as they are asked, and declare each of them for type checkers."""

_HARMLESS: Final = {"ABC", "ABCMeta", "Generic", "Protocol", "object"}
"""Bases that bring no member of their own that a model could mean."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A name, where it is really bound, and its stub.

    `known` is false for what cannot be told, `on_object` true for a member that was
    reached over an object and not over its class.
    """

    module: str = ""
    name: str = ""
    stub: str = ""
    known: bool = True
    on_object: bool = False

    @property
    def is_class(self) -> bool:
        """Tell whether it is a class of vLLM's."""
        return self.stub.startswith(("class(", "dataclass("))

    @property
    def path(self) -> str:
        """Name it in full."""
        return f"{self.module}.{self.name}" if self.name else self.module


UNKNOWN: Final = Bound(known=False)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a class: the class that has it, and its stub."""

    owner: Bound
    name: str
    stub: str

    @property
    def is_abstract(self) -> bool:
        """Tell whether a class with it cannot be made."""
        return "abstract" in self.stub.partition("(")[0].split()


@dataclass(frozen=True, slots=True)
class Lineage:
    """A class and its bases, nearest first; `whole` if no base lies outside vLLM."""

    classes: tuple[Bound, ...]
    whole: bool


@dataclass(slots=True)
class ReleaseNames:
    """What one release binds, module by module, read on demand."""

    version: str
    _modules: dict[str, Mapping[str, str] | None] = field(default_factory=dict)
    _lineages: dict[tuple[str, str], Lineage] = field(default_factory=dict)

    def module(self, name: str) -> Mapping[str, str] | None:
        """Give the stubs of a module; None if the release has no such module."""
        if name not in self._modules:
            self._modules[name] = store.facts(area_of(name), name, self.version) or None
        return self._modules[name]

    def find(self, module: str, name: str) -> Bound | None:
        """Find what `from module import name` gives; None if that fails."""
        return self._find(module, name, frozenset())

    def find_module(self, name: str) -> Bound | None:
        """Find a module by its dotted name; None if there is none."""
        if self._cannot_be_told(name):
            return UNKNOWN
        return Bound(name, "", "module") if self.module(name) is not None else None

    def lineage(self, found: Bound) -> Lineage:
        """Give a class and all its bases that vLLM has."""
        key = (found.module, found.name)
        if key not in self._lineages:
            self._lineages[key] = self._lineage(found)
        return self._lineages[key]

    def member(self, found: Bound, name: str) -> Member | None:
        """Find a member of a class, where it is inherited from; None if vLLM has none."""
        return self.first_member(self.lineage(found).classes, name)

    def first_member(self, owners: Iterable[Bound], name: str) -> Member | None:
        """Find a member in the first of some classes that has it itself."""
        for owner in owners:
            stub = (self.module(owner.module) or {}).get(f"{owner.name}.{name}")
            if stub is not None:
                return Member(owner, name, stub)
        return None

    def own_members(self, owner: Bound) -> Iterator[Member]:
        """Give the members that a class has itself."""
        prefix = f"{owner.name}."
        for key, stub in (self.module(owner.module) or {}).items():
            if key.startswith(prefix):
                yield Member(owner, key.removeprefix(prefix), stub)

    def _find(self, module: str, name: str, seen: frozenset[tuple[str, str]]) -> Bound | None:
        if self._cannot_be_told(module) or (module, name) in seen:
            return UNKNOWN
        stubs = self.module(module)
        if stubs is None:
            return None
        if stubs[ITSELF] == "unread":
            return UNKNOWN
        seen |= {(module, name)}
        stub = stubs.get(name)
        if stub is not None:
            return self._followed(module, name, stub, seen)
        if self.module(f"{module}.{name}") is not None:
            return Bound(f"{module}.{name}", "", "module")
        return self._otherwise(module, stubs, name, seen)

    def _followed(
        self, module: str, name: str, stub: str, seen: frozenset[tuple[str, str]]
    ) -> Bound | None:
        word, _, rest = stub.partition(" ")
        if word == "from":
            source, _, original = rest.partition(":")
            # What a module itself imports is there, wherever it comes from.
            return self._find(source or module, original or name, seen) or UNKNOWN
        if word == "module":
            return Bound(rest, "", "module") if self.module(rest) is not None else UNKNOWN
        return Bound(module, name, stub)

    def _otherwise(
        self,
        module: str,
        stubs: Mapping[str, str],
        name: str,
        seen: frozenset[tuple[str, str]],
    ) -> Bound | None:
        """Look a name up where a module takes everything from, or makes names as they are asked."""
        for key, stub in stubs.items():
            if key.startswith(EVERYTHING):
                found = self._find(stub.removeprefix("from "), name, seen)
                if found is not None:
                    return found
        makes = "__getattr__" in stubs and module not in DECLARED
        return UNKNOWN if makes else None

    def _cannot_be_told(self, module: str) -> bool:
        if not lies_in(module, (PACKAGE,)) or lies_in(module, BUILT):
            return True
        last = module.rpartition(".")[2]
        return last.startswith("_") and last.endswith("_C")

    def _lineage(self, found: Bound) -> Lineage:
        classes: list[Bound] = []
        whole = True
        queue = [found]
        while queue:
            item = queue.pop(0)
            if item in classes:
                continue
            classes.append(item)
            for base in _bases(item.stub):
                inner = self._base(item.module, base)
                if inner is not None and inner.is_class:
                    queue.append(inner)
                else:
                    whole = whole and base.rpartition(".")[2] in _HARMLESS
        return Lineage(tuple(classes), whole)

    def _base(self, module: str, name: str) -> Bound | None:
        head, _, rest = name.partition(".")
        found = self.find(module, head)
        if rest and found is not None and found.stub == "module":
            return self.find(found.module, rest)
        return found


@cache
def names_of(version: str) -> ReleaseNames:
    """Give a release's names; what was read of them is kept."""
    return ReleaseNames(version)


def _bases(stub: str) -> Iterator[str]:
    inner = stub.partition("(")[2].removesuffix(")")
    yield from (base for base in inner.split(", ") if base and "=" not in base and "(" not in base)
