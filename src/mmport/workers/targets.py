"""Whether the names that quantisation and LoRA know a model by lead to modules of vLLM's class.

A quantised checkpoint lists modules that were left alone, and an adapter names
the modules that it changes; both by HF's names. Where such a name leads
nowhere, nothing says so: a layer is read as quantised that is not, an adapter
has no effect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .vllm_releases import mapped_name

if TYPE_CHECKING:
    from torch import nn

_IGNORED = ("ignore", "modules_to_not_convert", "exclude_modules", "ignored_layers")
_OUTPUT_HEAD = "lm_head"


def find_targets(
    model: nn.Module, quantization: Mapping[str, Any] | None, hf: Mapping[str, Any]
) -> dict[str, Any]:
    """Follow every such name to the modules of `model`.

    Args:
        model: vLLM's.
        quantization: the config's `quantization_config`, if it has one.
        hf: of HF's model, `modules` by path with their class (`describe_modules`), and
            the path of the `decoder`.

    Returns:
        `ignored`: by pattern of the quantisation, how many modules it matches.
        `adapted`: by path of HF's linear layers, their indices left open, how many
            there are (`layers`), to how many an adapter's name leads (`found`), and
            one that is `lost`; empty where the class takes no adapters, and of the
            decoder alone where it takes none for its encoders.
        `prefixes`: by prefix of `get_mm_mapping`, how many modules it matches.
    """
    names = [name for name, _ in model.named_modules() if name]
    mapper = getattr(model, "hf_to_vllm_mapper", None)
    takes_adapters = bool(getattr(model, "supports_lora", False))
    return {
        "ignored": _ignored(quantization or {}, names, mapper),
        "adapted": _adapted(model, names, mapper, hf) if takes_adapters else {},
        "prefixes": _prefixes(model, names) if takes_adapters else {},
    }


def _ignored(quantization: Mapping[str, Any], names: Sequence[str], mapper: Any) -> dict[str, int]:
    patterns = [str(one) for key in _IGNORED for one in quantization.get(key) or ()]
    return {pattern: sum(_matches(pattern, name, mapper) for name in names) for pattern in patterns}


def _matches(pattern: str, name: str, mapper: Any) -> bool:
    if pattern.startswith("re:"):
        return re.match(pattern.removeprefix("re:"), name) is not None
    mapped = _mapped(pattern, mapper) or pattern
    return name == mapped or name.startswith(f"{mapped}.") or f".{mapped}." in f".{name}."


def _adapted(
    model: nn.Module, names: Sequence[str], mapper: Any, hf: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    known = set(names)
    everywhere = bool(getattr(model, "supports_tower_connector_lora", False))
    packed = {part: whole for whole, parts in _packed(model).items() for part in parts}
    parts: dict[str, dict[str, Any]] = {}
    for path, module in hf["modules"].items():
        if module["kind"] != "Linear" or path.endswith(_OUTPUT_HEAD):
            continue
        if not everywhere and not path.startswith(f"{hf['decoder']}."):
            continue
        group = re.sub(r"\.\d+(?=\.|$)", ".*", path)
        entry = parts.setdefault(group, {"layers": 0, "found": 0, "lost": ""})
        entry["layers"] += 1
        target = _mapped(path, mapper)
        if target is not None and _leads_somewhere(target, known, packed):
            entry["found"] += 1
        else:
            entry["lost"] = entry["lost"] or f"{path} to {target}"
    return parts


def _packed(model: nn.Module) -> dict[str, list[str]]:
    """What a class says is fused; where it says nothing vLLM asks its parts."""
    for holders in ([model], model.children()):
        said = [getattr(holder, "packed_modules_mapping", None) or {} for holder in holders]
        if any(said):
            return {whole: parts for one in said for whole, parts in one.items()}
    return {}


def _leads_somewhere(target: str, known: set[str], packed: Mapping[str, str]) -> bool:
    parent, _, last = target.rpartition(".")
    return target in known or f"{parent}.{packed.get(last, last)}" in known


def _mapped(name: str, mapper: Any) -> str | None:
    """The name that a class's own mapper makes of HF's, as vLLM does with adapters."""
    if mapper is None:
        return name
    mapped = mapped_name(mapper, f"{name}.weight")
    return None if mapped is None else mapped.removesuffix(".weight")


def _prefixes(model: nn.Module, names: Sequence[str]) -> dict[str, int]:
    mapping = model.get_mm_mapping() if hasattr(model, "get_mm_mapping") else None
    if mapping is None:
        return {}
    prefixes = [*mapping.language_model, *mapping.connector, *mapping.tower_model]
    return {
        prefix: sum(
            name == prefix.rstrip(".") or name.startswith(f"{prefix.rstrip('.')}.")
            for name in names
        )
        for prefix in prefixes
    }
