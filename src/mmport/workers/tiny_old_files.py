"""Writes the files beside a checkpoint's weights anew, as transformers 4 wrote them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Names = Mapping[str, Any]

_CONFIG = "config.json"
_TOKENIZER = "tokenizer.json"
_TOKENIZER_CONFIG = "tokenizer_config.json"
_PROCESSOR = "processor_config.json"
_TEMPLATE = "chat_template.jinja"
_INPUTS = ["input_ids", "attention_mask"]
"""Of old Llama tokenizers; a fast one by itself adds ids of token types, which no decoder takes."""


def write_old_files(folder: Path, names: Names) -> None:
    """Rewrite what transformers 5 saved so that 4 reads the same from it, and 5 still does.

    Args:
        folder: of a whole checkpoint.
        names: `reference_models/old_files.toml`.
    """
    _change(folder / _CONFIG, lambda config: _named(_old_config(config, names["config"])))
    _change(folder / _TOKENIZER_CONFIG, lambda config: _old_tokenizer(folder, config, names))
    if _processor_class(folder) in names["tokenizers"]:
        _write_as_made(folder)
    _change(folder / _TOKENIZER, _with_written_merges)
    _divide_processor(folder, names)


def _change(path: Path, change: Any) -> None:
    if path.exists():
        content = change(json.loads(path.read_text(encoding="utf-8")))
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _old_config(config: Any, names: Mapping[str, str]) -> Any:
    """Rename keys in every part, and say of the rotary embedding what 4 is told."""
    if not isinstance(config, dict):
        return config
    old = {names.get(key, key): _old_config(value, names) for key, value in config.items()}
    rope = old.pop("rope_parameters", None)
    if isinstance(rope, dict):
        scaling = dict(rope)
        beside = ("rope_theta", "partial_rotary_factor")
        old |= {key: scaling.pop(key) for key in beside if key in scaling}
        # Sections of multimodal positions make even the default something to be told.
        if scaling.keys() - {"rope_type"} or scaling.get("rope_type", "default") != "default":
            old["rope_scaling"] = scaling
    return old


def _named(config: dict[str, Any]) -> dict[str, Any]:
    """Have a text part without a class name the whole: 4 may give what it says for the whole's."""
    part = config.get("text_config")
    if isinstance(part, dict) and "architectures" in part and not part["architectures"]:
        part["architectures"] = config.get("architectures")
    return config


def _with_written_merges(tokenizer: dict[str, Any]) -> dict[str, Any]:
    """Write each merge as one string: tokenizers before 0.20 read no pairs."""
    merges = tokenizer["model"].get("merges", [])
    tokenizer["model"]["merges"] = [
        merge if isinstance(merge, str) else " ".join(merge) for merge in merges
    ]
    return tokenizer


def _old_tokenizer(folder: Path, config: dict[str, Any], names: Names) -> dict[str, Any]:
    renamed = {names["tokenizer"].get(key, key): value for key, value in config.items() if value}
    old = {key: value for key, value in renamed.items() if key not in names["unknown"]["tokenizer"]}
    kind = old.get("tokenizer_class", "")
    old["tokenizer_class"] = names["tokenizer_classes"].get(kind, kind)
    if (wanted := names["tokenizers"].get(_processor_class(folder))) is not None:
        old["tokenizer_class"] = wanted
    old["model_input_names"] = _INPUTS
    if (folder / _TEMPLATE).exists():
        old["chat_template"] = (folder / _TEMPLATE).read_text(encoding="utf-8")
    return old


def _write_as_made(folder: Path) -> None:
    """Write a tokenizer as its class makes it: 5 cuts text by the class, 4 by what is written."""
    from transformers import AutoTokenizer

    AutoTokenizer.from_pretrained(folder).backend_tokenizer.save(str(folder / _TOKENIZER))


def _processor_class(folder: Path) -> str:
    path = folder / _PROCESSOR
    settings = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return str(settings.get("processor_class", ""))


def _divide_processor(folder: Path, names: Names) -> None:
    """Give the parts of a processor, and their settings, files of their own."""
    path = folder / _PROCESSOR
    if not path.exists():
        return
    settings = json.loads(path.read_text(encoding="utf-8"))
    for part, file in names["parts"].items():
        if part not in settings:
            continue
        own = settings.pop(part) | {"processor_class": settings.get("processor_class")}
        old = {
            key: names["processors"].get(value, value) if isinstance(value, str) else value
            for key, value in own.items()
        }
        (folder / file).write_text(json.dumps(old, indent=2) + "\n", encoding="utf-8")
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
