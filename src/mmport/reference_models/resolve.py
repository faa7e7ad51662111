"""A raw config with the defaults that its config class would fill in."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmport.core.errors import MalformedSource, NotPortable
from mmport.inspection import hf_library

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mmport.reference_models.facts import FamilyFacts


@dataclass(frozen=True, slots=True)
class Part:
    """A sub-config: all its values, and how its class names the usual roles."""

    model_type: str
    values: dict[str, Any]
    names: Mapping[str, str]

    def key(self, role: str) -> str:
        """Give the key that plays a role, such as `n_embd` for `hidden_size`."""
        return self.names.get(role, role)

    def get(self, role: str) -> Any:
        """Give the value of a role; None if the class has none."""
        return self.values.get(self.key(role))

    def number(self, role: str) -> int:
        """Give the value of a role that must be a positive whole number.

        Raises:
            MalformedSource: it is something else.
        """
        value = self.get(role)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise MalformedSource(
                f"{self.key(role)} of {self.model_type} is {value!r}, not a positive number",
                "mend config.json",
            )
        return value


@dataclass(frozen=True, slots=True)
class Resolved:
    """A config with defaults, whole and by part. `feature_layers` is one index or several."""

    values: dict[str, Any]
    text: Part
    vision: Part
    feature_layers: int | list[int]


def resolve(config: dict[str, Any], family: FamilyFacts) -> Resolved:
    """Fill in defaults by transformers' config classes (no torch is needed).

    Raises:
        NotPortable: transformers does not know the model type of a part.
        MalformedSource: a value is not what the config class takes.
    """
    for part in (config, config.get(family.parts.text), config.get(family.parts.vision)):
        _check_known(part)
    whole = hf_library.build_config(config["model_type"], copy.deepcopy(config))
    return Resolved(
        whole.to_dict(),
        _part(getattr(whole, family.parts.text)),
        _part(getattr(whole, family.parts.vision)),
        getattr(whole, family.features.layers),
    )


def _part(config: Any) -> Part:
    return Part(config.model_type, config.to_dict(), dict(config.attribute_map))


def _check_known(config: Any) -> None:
    """Refuse a model type that transformers does not have; a missing one has a default."""
    model_type = config.get("model_type") if isinstance(config, dict) else None
    if model_type is not None and not hf_library.knows(model_type):
        raise NotPortable(
            f"transformers {hf_library.version()} does not know model type {model_type!r}",
            "a tiny model can only be made of parts that transformers has",
        )
