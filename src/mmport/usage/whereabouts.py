"""Where a name of vLLM stands in a release, or what came in its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import takewhile
from typing import Final

from mmport.vllm_api import store
from mmport.vllm_api.changes import replacement_of
from mmport.vllm_api.surface.release import ReleaseNames, names_of

_NOT_DEFINED: Final = ("from ", "import", "module")


def whereabouts(names: ReleaseNames, module: str, name: str) -> str:
    """Say what to write instead of `from module import name`; empty if nothing is known."""
    known = replacement_of(module, name, names.version)
    if known:
        return known
    found = _bindings(names.version).get(name, ())
    if not found:
        return ""
    nearest = min(found, key=lambda other: _distance(module, other))
    return f"from {_shown(names, nearest, name)} import {name}"


def home(names: ReleaseNames, module: str, name: str, stub: str = "") -> str:
    """Name the module that has what another module had in an earlier release; empty if unsure.

    It is sure where one module alone defines the name, as the same kind of thing, or
    where one of several is a module of the old one's name, or has it with the same bases
    or parameters, if these say something. What is private to a module
    moved nowhere, and a constant only to a module of that name: another model's may
    be called the same and hold something else.
    """
    if name.startswith("_"):
        return ""
    found = [
        other
        for other in _bindings(names.version).get(name, ())
        if _kind((names.module(other) or {}).get(name, "")) == _kind(stub) or not stub
    ]
    if len(found) > 1 or name.isupper() or (name.islower() and _kind(stub) == "var"):
        stem = module.rpartition(".")[2]
        alike = [one for one in found if _tells(stub) and (names.module(one) or {})[name] == stub]
        found = [one for one in found if one.rpartition(".")[2] == stem] or alike
    return _shown(names, found[0], name) if len(found) == 1 else ""


@cache
def last_stub(module: str, name: str, version: str) -> str:
    """Tell what a name was in the last release up to one that had it: half-migrated files ask."""
    for release in reversed(store.releases()[: store.places()[version] + 1]):
        found = names_of(release).find(module, name)
        if found is not None:
            return found.stub
    return ""


def _kind(stub: str) -> str:
    """Tell a class from a function from anything else."""
    word = stub.replace("(", " ").split(" ")[0]
    return {"dataclass": "class"}.get(word, word)


def _tells(stub: str) -> bool:
    """Tell bases that few classes have, and parameters, from what any may have."""
    own = [one for one in re.findall(r"\w[\w.]*", stub.partition("(")[2]) if one != "nn.Module"]
    return len(own) > 0 and _kind(stub) in ("class", "def")


def _distance(module: str, other: str) -> tuple[int, int, str]:
    """Order modules by what they share with where a name was, then by length."""
    pairs = zip(module.split("."), other.split("."), strict=False)
    return (-sum(one == two for one, two in pairs), len(other), other)


def _shown(names: ReleaseNames, module: str, name: str) -> str:
    """Choose among a name's module and the packages above that show it as their own.

    The one that had it for the longest serves the most releases; of equals, the shortest.
    """
    paths = [module]
    while (above := paths[-1].rpartition(".")[0]).count(".") > 0 and _shows(names, above, name):
        paths.append(above)
    if len(paths) == 1:
        return module
    return max(reversed(paths), key=lambda one: _age(names.version, one, name))


def _shows(names: ReleaseNames, module: str, name: str) -> bool:
    return (names.module(module) or {}).get(name, "").startswith("from ")


@cache
def _age(version: str, module: str, name: str) -> int:
    """Count the releases up to one that have a name in a module, without a gap."""
    earlier = reversed(store.releases()[: store.places()[version] + 1])
    has = (names_of(one).find(module, name) is not None for one in earlier)
    return sum(takewhile(bool, has))


@cache
def _bindings(version: str) -> Mapping[str, tuple[str, ...]]:
    """Give the modules that define each name at their top, in one release."""
    found: dict[str, list[str]] = {}
    for module, name in _defined(version):
        found.setdefault(name, []).append(module)
    return {name: tuple(modules) for name, modules in found.items()}


def _defined(version: str) -> Iterator[tuple[str, str]]:
    for part in store.parts():
        if part == store.REGISTRY:
            continue
        for module in store.subjects(part):
            for name, stub in store.facts(part, module, version).items():
                if name and "." not in name and not stub.startswith(_NOT_DEFINED):
                    yield module, name
