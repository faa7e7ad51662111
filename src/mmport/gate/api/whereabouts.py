"""Where a name of vLLM stands in a release, or what came in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from mmport.vllm_api import store
from mmport.vllm_api.changes import replacement_of
from mmport.vllm_api.surface.areas import area_of
from mmport.vllm_api.surface.release import ReleaseNames



def whereabouts(names: ReleaseNames, module: str, name: str) -> str:
    """Say what to write instead of `from module import name`; empty if nothing is known."""
    known = replacement_of(module, name, names.version)
    if known:
        return known
    found = next(iter(sorted(_bindings(names.version).get(name, ()), key=_nearness(module))), "")
    return f"from {found} import {name}" if found else ""


def _nearness(module: str):  # type: ignore[no-untyped-def]
    """Order modules by what they share with where the name was, then by length."""
    parts = module.split(".")

    def key(other: str) -> tuple[int, int, str]:
        shared = len([1 for one, two in zip(parts, other.split("."), strict=False) if one == two])
        return (-shared, len(other), other)

    return key


@cache
def _bindings(version: str) -> Mapping[str, tuple[str, ...]]:
    """Give the modules that define each name at their top, in one release."""
    found: dict[str, list[str]] = {}
    for module, name in _defined(version):
        found.setdefault(name, []).append(module)
    return {name: tuple(modules) for name, modules in found.items()}


def _defined(version: str) -> Iterator[tuple[str, str]]:
    for part in store.parts():
        if part == store.REGISTRY or part != area_of(part):
            continue
        for module in store.subjects(part):
            for name, stub in store.facts(part, module, version).items():
                if "." not in name and stub.startswith(("class(", "dataclass(", "def ", "new ")):
                    yield module, name
