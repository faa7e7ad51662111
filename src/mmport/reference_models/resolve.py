"""A raw config with the defaults that its config classes would fill in, part by part."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmport.core.errors import MalformedSource, NotPortable
from mmport.inspection import hf_library
from mmport.inspection.opened import TEXT_KEYS


@dataclass(frozen=True, slots=True)
class Part:
    """A config or sub-config: all its values, and how its class names the usual roles.

    `path` is its key in the whole, dotted; empty for the whole itself.
    """

    path: str
    model_type: str
    values: dict[str, Any]
    names: Mapping[str, str]

    def key(self, role: str) -> str:
        """Give the key that plays a role, such as `n_embd` for `hidden_size`."""
        return self.names.get(role, role)

    def get(self, role: str) -> Any:
        """Give the value of a role; None if the class has none."""
        return self.values.get(self.key(role))

    @property
    def layers(self) -> int:
        """How many layers there are; a config may only list their kinds."""
        kinds = self.get("layer_types")
        if self.get("num_hidden_layers") is None and kinds:
            return len(kinds)
        return self.number("num_hidden_layers")

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
    """A config with defaults: the whole, its language model, and all other parts.

    `text` is `whole` where the language model's keys are not in a part of their own.
    """

    whole: Part
    text: Part
    others: tuple[Part, ...]

    @property
    def vision(self) -> Part | None:
        """The image encoder, or the first part that sees anything."""
        named = [part for part in self.others if "vision" in part.path]
        return next(iter((*named, *self.others)), None)

    def lookup(self, path: str) -> Any:
        """Give the value at a dotted path.

        Raises:
            KeyError: there is none.
        """
        value: Any = self.whole.values
        for key in path.split("."):
            value = value[key]
        return value


def resolve(config: dict[str, Any]) -> Resolved:
    """Fill in defaults by transformers' config classes (no torch is needed).

    A config whose class is the repo's own code is taken as it stands: only the
    parts that transformers knows get defaults.

    Raises:
        NotPortable: transformers does not know the model type of the config or a part.
        MalformedSource: a value is not what the config class takes.
    """
    if has_own_code(config):
        return _resolve_own(config)
    _check_known(config)
    for value in config.values():
        if isinstance(value, dict):
            _check_known(value)
    built = hf_library.build_config(config["model_type"], copy.deepcopy(config))
    parts = list(_parts(built, ""))
    text = built.get_text_config(decoder=True)
    found = next((part for part, own in parts if own is text), parts[0][0])
    others = tuple(part for part, _ in parts[1:] if part is not found)
    return Resolved(parts[0][0], found, others)


def has_own_code(config: dict[str, Any]) -> bool:
    """Tell whether transformers lacks the config's class and the repo brings it."""
    return "auto_map" in config and not hf_library.knows(str(config.get("model_type")))


def _resolve_own(config: dict[str, Any]) -> Resolved:
    parts = [
        _own_part(key, value)
        for key, value in config.items()
        if isinstance(value, dict) and ("model_type" in value or key.endswith("_config"))
    ]
    whole = Part("", config["model_type"], config, {})
    texts = [part for part in parts if hf_library.causal_lm_architecture(part.model_type)]
    texts += [part for part in parts if part.path in TEXT_KEYS]
    text = texts[0] if texts else whole
    return Resolved(whole, text, tuple(part for part in parts if part is not text))


def _own_part(key: str, value: dict[str, Any]) -> Part:
    model_type = str(value.get("model_type", ""))
    if not hf_library.knows(model_type):
        return Part(key, model_type, value, {})
    built = hf_library.build_config(model_type, copy.deepcopy(value))
    return Part(key, model_type, built.to_dict(), dict(built.attribute_map))


def _parts(config: Any, path: str) -> list[tuple[Part, Any]]:
    """List a config and those inside it, each beside the object it was read from."""
    from transformers import PreTrainedConfig

    names = dict(config.attribute_map)
    found = [(Part(path, config.model_type, config.to_dict(), names), config)]
    for key, value in vars(config).items():
        if isinstance(value, PreTrainedConfig):
            found += _parts(value, f"{path}.{key}" if path else key)
    return found


def _check_known(config: dict[str, Any]) -> None:
    """Refuse a model type that transformers does not have; a missing one has a default."""
    model_type = config.get("model_type")
    if model_type and not hf_library.knows(model_type):
        raise NotPortable(
            f"transformers {hf_library.version()} does not know model type {model_type!r}",
            "a tiny model can only be made of parts that transformers has",
        )
