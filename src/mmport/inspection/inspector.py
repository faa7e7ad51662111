"""Model source to `VlmSpec`: finds the family, or says exactly why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmport.core.errors import MalformedSource, NotPortable
from mmport.hub.source import ModelSource
from mmport.inspection import hf_library
from mmport.inspection.families import families_for
from mmport.inspection.families.family import Family, Inspection
from mmport.inspection.general import read_general
from mmport.inspection.opened import has_own_model
from mmport.model.spec import VlmSpec
from mmport.vllm_api.catalog import Catalog, Target, load

CONFIG = "config.json"
_PIPELINE = "model_index.json"

_TOWERS = ("vision_config", "audio_config", "vision_tower", "mm_vision_tower", "visual")


def inspect_model(
    source: ModelSource, target: Target, *, trust_remote_code: bool = False
) -> VlmSpec:
    """Read what the model is; see `examine` for what there is to say about its source.

    Raises:
        NotPortable: the model is of no family that mmport can port.
        SourceError: a file of the source is missing or broken.
    """
    return examine(source, target, trust_remote_code=trust_remote_code).spec


def examine(source: ModelSource, target: Target, *, trust_remote_code: bool = False) -> Inspection:
    """Read what the model is, and collect what is odd about its source.

    No code of the source is run, whatever `trust_remote_code` says: the
    families known so far need none.

    Raises:
        NotPortable: the model is of no family that mmport can port.
        SourceError: a file of the source is missing or broken.
    """
    if source.has(_PIPELINE) and not source.has(CONFIG):
        raise NotPortable(
            f"{source.name} is a pipeline of diffusers, which generates images and no text",
            "run it with diffusers; mmport ports models that answer in text",
        )
    config = source.read_json(CONFIG)
    model_type, architecture = _names(config)
    catalog = load(target.version)
    if has_own_model(config):
        known = families_for(catalog).get(architecture or "")
        if known is not None and known.own_code and known.model_type == model_type:
            return known.read(source, config, catalog)
        return read_general(source, config, architecture, catalog)
    if not hf_library.knows(model_type):
        raise _unknown_type(config, model_type, trust_remote_code)
    family = _family(config, model_type, architecture, catalog)
    _check_parts(config)
    if family is not None:
        built = hf_library.build_config(family.model_type, config)
        if family.serves(built):
            return family.read(source, built, catalog)
    return read_general(source, config, architecture, catalog)


def _names(config: Mapping[str, Any]) -> tuple[str, str | None]:
    """Read the model type and the one architecture, as far as they are stated."""
    model_type = config.get("model_type")
    names = config.get("architectures")
    if not isinstance(model_type, str) or not model_type:
        raise MalformedSource(
            f"{CONFIG} names no model_type", "name a folder or repo of a transformers model"
        )
    if names in (None, []):
        return model_type, None
    if not isinstance(names, list) or len(names) != 1 or not isinstance(names[0], str):
        raise MalformedSource(
            f"architectures in {CONFIG} is {repr(names)[:80]}, not a list of one name",
            f"mend architectures in the model's {CONFIG}",
        )
    return model_type, names[0]


def _family(
    config: Mapping[str, Any], model_type: str, architecture: str | None, catalog: Catalog
) -> Family | None:
    """Find the family of a model; None where its own source has to tell what it is."""
    families = families_for(catalog)
    fitting = [
        family
        for family in families.values()
        if family.model_type == model_type and not family.own_code
    ]
    for family in fitting:
        if architecture in (None, family.architecture):
            return family
        if architecture in family.originals:
            raise NotPortable(
                f"{architecture} is the model in its authors' own code and key names",
                f"port its conversion to transformers, whose architecture is {family.architecture}",
            )
    if architecture in families:
        raise MalformedSource(
            f"{CONFIG} says {architecture} and model_type {model_type[:80]!r}, which do not fit",
            f"mend model_type in the model's {CONFIG}",
        )
    name = architecture or hf_library.causal_lm_architecture(model_type) or model_type
    if hf_library.auto_class(model_type) or any(key in config for key in _TOWERS):
        return None
    served = catalog.text(name) or catalog.on_backend(name)
    raise NotPortable(
        f"{name[:80]!r} is not a vision-language model: it has no encoder to port",
        f"vLLM {catalog.version} serves it as it is: vllm serve MODEL"
        if served
        else "name a vision-language model",
    )


def _unknown_type(
    config: Mapping[str, Any], model_type: str, trust_remote_code: bool
) -> NotPortable:
    shown = repr(model_type[:80])
    if "auto_map" in config:
        flag = "; --trust-remote-code does not change that yet" if trust_remote_code else ""
        return NotPortable(
            f"the model type {shown} is code in the model's repo, which is not supported yet{flag}",
            "port a conversion of it to a model type of transformers, if there is one",
        )
    return NotPortable(
        f"transformers {hf_library.version()} knows no model type {shown}",
        "install a newer transformers beside mmport, if it is a newer model",
    )


def _check_parts(config: Mapping[str, Any]) -> None:
    """Refuse parts of unknown type before transformers answers them with a KeyError."""
    for part in ("text_config", "vision_config"):
        values = config.get(part)
        stated = values.get("model_type") if isinstance(values, dict) else None
        if isinstance(stated, str) and stated and not hf_library.knows(stated):
            raise _unknown_type(config, stated, trust_remote_code=False)
