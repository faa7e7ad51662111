"""Catalogs: what each vLLM release offers a model author, as drawn from its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from mmport.core.errors import UnknownTarget
from mmport.core.jsonable import from_builtins
from mmport.vllm_api import store
from mmport.vllm_api.eras import era_of, parse_release
from mmport.vllm_api.registry import CONFIG_TYPES, REMOVED

DEFAULT_VERSION: Final = "0.32.0"
"""The release written for unless another is named.

It is the newest one that ports are proven on: its CPU build exists, so every
run of the tests puts a port on its engine. Newer catalog entries are drawn from
source and share its era, without that proof.
"""


@dataclass(frozen=True, slots=True)
class ModelClass:
    """A model class of vLLM, as its registry and source have it.

    `interfaces` are the classes of vLLM's interface modules that it inherits
    from (`SupportsPP`, …). `decoder` is the attribute of a text class that takes
    embeddings in place of ids; empty if it takes ids alone, or builds none itself.
    """

    module: str
    class_name: str
    interfaces: tuple[str, ...] = ()
    decoder: str = ""

    def supports(self, interface: str) -> bool:
        """Tell whether the class implements a vLLM interface, by its class name."""
        return interface in self.interfaces


@dataclass(frozen=True, slots=True)
class Catalog:
    """One release: its registered architectures by group of the registry.

    `previously_supported` maps an architecture that was taken out to the last
    release that had it. `config_types` are model types whose config is of a class of
    vLLM's own, where transformers may have another.
    """

    version: str
    era: str
    architectures: Mapping[str, Mapping[str, ModelClass]]
    previously_supported: Mapping[str, str]
    config_types: tuple[str, ...] = ()

    def text(self, architecture: str) -> ModelClass | None:
        """Find a text-generation class of vLLM's own."""
        return self._registered("text_generation", architecture)

    def serves_text(self, architecture: str) -> ModelClass | None:
        """Find what generates text for an architecture: vLLM's own class, or its backend."""
        backend = self.on_backend(architecture)
        if backend is not None and backend.supports("SupportsMultiModal"):
            backend = None
        return self.text(architecture) or backend

    def multimodal(self, architecture: str) -> ModelClass | None:
        """Find a multimodal class of vLLM's own."""
        return self._registered("multimodal", architecture)

    def on_backend(self, architecture: str) -> ModelClass | None:
        """Find an architecture that vLLM routes to its Transformers backend by name."""
        return self._registered("transformers_supported", architecture)

    def backend(self, architecture: str) -> ModelClass | None:
        """Find a class of the Transformers backend; the first releases have none."""
        return self._registered("transformers_backend", architecture)

    def _registered(self, group: str, architecture: str) -> ModelClass | None:
        return self.architectures.get(group, {}).get(architecture)


@dataclass(frozen=True, slots=True)
class Target:
    """A vLLM release to write for, and the era whose contract it has."""

    version: str
    era: str


def available() -> tuple[str, ...]:
    """List the releases with a catalog, oldest first."""
    return store.releases()


@cache
def load(version: str) -> Catalog:
    """Load what a release registers.

    Raises:
        UnknownTarget: there is no catalog of that release.
    """
    if version not in available():
        raise _unknown(version)
    era = era_of(_order(version))
    groups = {group: _facts(group, version) for group in store.subjects(store.REGISTRY)}
    removed, types = groups.pop(REMOVED, {}), groups.pop(CONFIG_TYPES, {})
    return Catalog(
        version=version,
        era=era.name if era else "",
        architectures={
            group: {name: from_builtins(entry, ModelClass) for name, entry in entries.items()}
            for group, entries in groups.items()
            if entries
        },
        previously_supported=removed,
        config_types=tuple(types),
    )


def _facts(group: str, version: str) -> dict[str, Any]:
    return dict(sorted(store.facts(store.REGISTRY, group, version).items()))


def resolve_target(text: str | None) -> Target:
    """Turn what the user wrote into a target; None stands for `DEFAULT_VERSION`.

    `0.32`, `0.32.0`, `v0.32.0` and local builds (`0.32.0+cpu`) name the same
    release; a minor without a patch names its newest patch that has a catalog.

    Raises:
        UnknownTarget: it is no release that mmport has a catalog of.
    """
    wanted = (text or DEFAULT_VERSION).strip()
    release = parse_release(wanted)
    if release is None:
        raise _unknown(wanted)
    depth = 2 if wanted.count(".") == 1 else 3
    fitting = [v for v in available() if _order(v)[:depth] == release[:depth]]
    era = era_of(_order(fitting[-1])) if fitting else None
    if era is None:
        raise _unknown(wanted)
    return Target(version=fitting[-1], era=era.name)


def _order(version: str) -> tuple[int, int, int]:
    return parse_release(version) or (0, 0, 0)


def _unknown(wanted: str) -> UnknownTarget:
    return UnknownTarget(
        f"vLLM {wanted!r} is no release that mmport knows",
        f"name one from {available()[0]} to {available()[-1]}: mmport catalog list",
    )
