"""Builds a small seeded checkpoint: config, weights, tokenizer and processor."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .tiny_behaviour import Fault, Modality, Speaker, seed_fault
from .tiny_old_files import write_old_files
from .tiny_processor import make_processor
from .tiny_tokenizer import chat_template, train_tokenizer
from .tiny_weights import Demands, Filler, recipes, search

Report = Callable[[str], None]
Payload = dict[str, Any]

CARD = "mmport-reference.json"
"""What the checkpoint is, how to ask it, and how honest it is, beside the weights."""

_TEMPLATE = "chat_template.jinja"
_SCHEMA = "mmport.reference-model/1"
_CLEAR = 5
"""A fault shows clearly where it moves a logprob by so many times what is demanded."""

_KINDS = ("image", "video", "audio")


def run(payload: Payload, out: Path, report: Report) -> dict[str, Any]:
    """Build a checkpoint in the folder `checkpoint` and say what it does.

    The payload is what `reference_models/recipe.py` decided, and that folder.

    Raises:
        RuntimeError: no weights make the model worth comparing, or the
            checkpoint does not load as it was saved.
    """
    report("importing transformers")
    import torch
    import transformers

    started = time.monotonic()
    torch.set_num_threads(1)  # for tensors this small, more only get in each other's way
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    folder = Path(payload["checkpoint"])
    _write_source_files(folder, payload["files"])
    config = _write_config(folder, payload)
    report("making the processor")
    processor = _make_processor(folder, payload, config)
    if payload["tokenizer"] is not None:
        config = _follow_processor(folder, payload, processor)
    modality = _modalities(payload, processor)[0]
    report("searching weights")
    dtype = getattr(torch, payload["dtype"])
    model_class = _model_class(payload["auto_class"], config)
    if not payload["config"].get("architectures"):  # a class's defaults name none
        payload["config"]["architectures"] = [model_class.__name__]
        config = _write_config(folder, payload)
    torch.manual_seed(payload["seed"])
    model = _construct(model_class, config, dtype)
    filler = Filler(model, _unspoken(processor, model))
    speaker = Speaker(model, processor, modality)

    demands = Demands(**payload["demands"])

    def attempt(recipe: Any) -> Any:
        filler.fill(recipe)
        return speaker.behaviour(demands)

    recipe, _, tries = search(recipes(payload["seed"], tied=filler.tied), attempt, demands)
    report("writing")
    _save(model, folder, payload)
    if payload["old_files"]:
        write_old_files(folder, payload["old_files"])
        processor = _load_processor(folder, payload)
    report("measuring what was written")
    reloaded = _reload(model_class, folder, dtype)
    speaker = Speaker(reloaded, processor, modality)
    behaviour = speaker.behaviour(demands)
    if not behaviour.meets(demands):
        raise RuntimeError(f"the checkpoint behaves differently once loaded: {behaviour}")
    clear = _CLEAR * demands.fault
    fault = seed_fault(speaker, filler.start, _encoder_side(reloaded), clear)
    if fault.moved < demands.fault:
        raise RuntimeError(f"no fault on the encoder's side shows: at most {fault}")
    card = {
        "schema": _SCHEMA,
        "name": payload["name"],
        "model_type": payload["config"]["model_type"],
        "facts": _facts(payload, processor, reloaded),
        "honesty": _honesty(behaviour, fault),
        "recipe": {**asdict(recipe), "tries": tries},
        "tokens": behaviour.tokens,
        "parameters": sum(parameter.numel() for parameter in reloaded.parameters()),
        "bytes": sum(path.stat().st_size for path in folder.iterdir()),
        "seconds": round(time.monotonic() - started, 1),
        "transformers": transformers.__version__,
        "torch": torch.__version__,
    }
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    return card


def _honesty(behaviour: Any, fault: Fault) -> dict[str, Any]:
    return {
        "distinct": behaviour.distinct,
        "gap": behaviour.gap,
        "other_item": behaviour.effect,
        "other_order": behaviour.order,
        "fault": fault.parameter,
        "fault_moves": fault.moved,
    }


def _facts(payload: Payload, processor: Any, model: Any) -> dict[str, Any]:
    """What verification must know to ask this model questions."""
    modalities = _modalities(payload, processor)
    return {
        "architecture": type(model).__name__,
        "auto_class": payload["auto_class"],
        "modalities": [_modality_facts(one, processor, model.config) for one in modalities],
        "checkpoint_files": ["model.safetensors"],
        "question": payload["question"],
        "tokens_per_item": max(
            one.facts["tokens"] or _tokens(one, processor) for one in modalities
        ),
        "dtype": payload["only_dtype"],
        "processor_kwargs": payload["call"],
        "connector": "",
        "encoder": "",
        "trust_remote_code": payload["trust_remote_code"],
    }


def _modality_facts(modality: Modality, processor: Any, config: Any) -> dict[str, Any]:
    facts = modality.facts
    names = ("most_items", "width", "height", "frames", "seconds", "rate", "vllm_prompt")
    return {
        "kind": modality.kind,
        "prompt": modality.prompt,
        "token_id": _placeholder_id(modality.kind, processor, config),
        **{name: facts[name] for name in names},
    }


def _placeholder_id(kind: str, processor: Any, config: Any) -> int | None:
    """The id that the model looks for, by its config, or else that the processor writes."""
    for key in (f"{kind}_token_id", f"{kind}_token_index"):
        found = getattr(config, key, None)
        if isinstance(found, int):
            return found
    return _token_id(kind, processor)


def _token_id(kind: str, processor: Any) -> int | None:
    """The id of the token that an item becomes many of."""
    several = getattr(processor, f"{kind}_token_ids", None) or []
    if len(several) == 1 and isinstance(several[0], int):
        return several[0]  # a user may write another one, of which it is made
    for holder in (processor, processor.tokenizer):
        found = getattr(holder, f"{kind}_token_id", None)
        if isinstance(found, int):
            return found
        if token := getattr(holder, f"{kind}_token", None):
            return int(processor.tokenizer.convert_tokens_to_ids(str(token)))
    return None


def _tokens(modality: Modality, processor: Any) -> int:
    """How long a prompt about one item is; other items are at most four times as large."""
    speaker = Speaker(None, processor, modality)
    lengths = [
        speaker.prompt_length(modality.text(1), [modality.item(turned, 1)])
        for turned in (False, True)
    ]
    return 4 * max(lengths)


def _modalities(payload: Payload, processor: Any) -> list[Modality]:
    """What the processor takes, the family's choice first; how each is written in a prompt.

    Raises:
        RuntimeError: it takes nothing, or nobody says how an item is written.
    """
    attributes = {"image": ("image_",), "video": ("video_",), "audio": ("feature_", "audio_")}
    kinds = payload["modalities"] or [
        kind
        for kind in _KINDS
        if any(name.startswith(attributes[kind]) for name in processor.get_attributes())
    ]
    found = [_modality(kind, payload, processor) for kind in kinds]
    if not found:
        raise RuntimeError(f"{type(processor).__name__} takes no images, films or sounds")
    return found


def _modality(kind: str, payload: Payload, processor: Any) -> Modality:
    facts = payload["items"][kind]
    prompt = facts["prompt"]
    if prompt is None:
        holders = (processor, processor.tokenizer)
        tokens = (getattr(holder, f"{kind}_token", None) for holder in holders)
        prompt = next((str(token) for token in tokens if token), None)
    if prompt is None:
        raise RuntimeError(f"nobody says how {kind} items are written in a prompt")
    return Modality(kind, prompt, payload["question"], facts, payload["call"])


def _write_config(folder: Path, payload: Payload) -> Any:
    """Write the config as it was given but for the dtype, and read it as a user would."""
    from transformers import AutoConfig

    config = payload["config"]
    for part in (config, *(value for value in config.values() if isinstance(value, dict))):
        for key in ("dtype", "torch_dtype"):
            if key in part:
                part[key] = payload["dtype"]
    if not {"dtype", "torch_dtype"} & config.keys():
        config["dtype"] = payload["dtype"]
    text = json.dumps(config, indent=2) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")
    return AutoConfig.from_pretrained(folder, trust_remote_code=payload["trust_remote_code"])


def _follow_processor(folder: Path, payload: Payload, processor: Any) -> Any:
    """Have the config name the tokens that the processor really makes of an item."""
    config = payload["config"]
    for kind in _KINDS:
        for key in (f"{kind}_token_id", f"{kind}_token_index"):
            token_id = _token_id(kind, processor)
            if key in config and token_id is not None and key not in payload["chosen_ids"]:
                config[key] = token_id
    return _write_config(folder, payload)


def _model_class(name: str, config: Any) -> Any:
    import transformers
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    if name in getattr(config, "auto_map", {}):
        return get_class_from_dynamic_module(config.auto_map[name], config.name_or_path)
    found = getattr(transformers, name)
    mapping = getattr(found, "_model_mapping", None)
    if mapping is None:
        return found
    model_class = mapping[type(config)]
    return model_class[0] if isinstance(model_class, list | tuple) else model_class


def _construct(model_class: Any, config: Any, dtype: Any) -> Any:
    """Make the model; some cannot attend eagerly, and take what they can."""
    try:
        model = model_class._from_config(config, attn_implementation="eager", dtype=dtype)
    except ValueError:
        model = model_class._from_config(config, dtype=dtype)
    for parameter in model.parameters():  # tables of rotary angles stay as exact as they are loaded
        parameter.data = parameter.data.to(dtype)
    return model.eval()


def _write_source_files(folder: Path, files: dict[str, dict[str, str]]) -> None:
    for name, content in files.items():
        target = folder / name
        if "text" in content:
            target.write_text(content["text"], encoding="utf-8")
        else:
            shutil.copyfile(content["path"], target)


def _make_processor(folder: Path, payload: Payload, config: Any) -> Any:
    """Make what the source repo lacks, save it, and load the whole as a user would."""
    import transformers

    if payload["tokenizer"] is not None:
        tokenizer = train_tokenizer(**payload["tokenizer"])
        tokenizer.save_pretrained(folder)
    if payload["processor"] is not None:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            folder, trust_remote_code=payload["trust_remote_code"]
        )
        make_processor(folder, payload, config, tokenizer).save_pretrained(folder)
    if payload["tokenizer"] is not None:
        _write_chat_template(folder, payload, _load_processor(folder, payload))
    return _load_processor(folder, payload)


def _load_processor(folder: Path, payload: Payload) -> Any:
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(folder, trust_remote_code=payload["trust_remote_code"])


def _write_chat_template(folder: Path, payload: Payload, processor: Any) -> None:
    """Have a chat's items written as prompts write them, where both sides want them so."""
    placeholders = {
        one.kind: one.prompt if one.facts["vllm_prompt"] is None else ""
        for one in _modalities(payload, processor)
    }
    (folder / _TEMPLATE).write_text(chat_template(placeholders), encoding="utf-8")


def _unspoken(processor: Any, model: Any) -> list[int]:
    """List the special tokens, and the ids beyond the tokenizer's."""
    tokenizer = processor.tokenizer
    head = model.get_output_embeddings()
    rows = head.weight.shape[0] if head is not None else len(tokenizer)
    special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    return sorted({*special, *range(len(tokenizer), rows)} & set(range(rows)))


def _encoder_side(model: Any) -> list[str]:
    """Biases and norms that are not the language model's."""
    from transformers import PreTrainedConfig

    decoder = model.get_decoder() or model
    inside = {id(parameter) for parameter in decoder.parameters()}
    own = {type(model.config.get_text_config(decoder=True)), type(getattr(decoder, "config", None))}
    for part in decoder.modules():  # an encoder may lie within it
        config = getattr(part, "config", None)
        if isinstance(config, PreTrainedConfig) and type(config) not in own:
            inside -= {id(parameter) for parameter in part.parameters()}
    head = model.get_output_embeddings()
    inside |= {id(parameter) for parameter in (head.parameters() if head is not None else ())}
    return [
        name
        for name, parameter in model.named_parameters()
        if parameter.dim() == 1 and id(parameter) not in inside
    ]


def _save(model: Any, folder: Path, payload: Payload) -> None:
    """Save the weights as transformers does, then give them the form of the layout wanted."""
    from safetensors.torch import load_file, save_file

    stage = folder / ".saved"
    model.save_pretrained(stage, max_shard_size="100GB")
    saved = load_file(stage / "model.safetensors")
    tensors = {_renamed(name, payload["renames"]): tensor for name, tensor in saved.items()}
    for name, tensor in tensors.items():
        if any(re.search(pattern, name) for pattern in payload["transposed"]):
            tensors[name] = tensor.transpose(-1, -2).contiguous()
    weights = folder / "model.safetensors"
    save_file(tensors, weights, metadata={"format": "pt"})
    weights.chmod((folder / "config.json").stat().st_mode)  # safetensors makes it private
    if (stage / "generation_config.json").exists():
        (stage / "generation_config.json").replace(folder / "generation_config.json")
    shutil.rmtree(stage)


def _renamed(name: str, renames: Sequence[Sequence[str]]) -> str:
    for pattern, replacement in renames:
        name = re.sub(pattern, replacement, name)
    return name


def _reload(model_class: Any, folder: Path, dtype: Any) -> Any:
    options = {"dtype": dtype, "output_loading_info": True}
    try:
        model, info = model_class.from_pretrained(folder, attn_implementation="eager", **options)
    except ValueError:
        model, info = model_class.from_pretrained(folder, **options)
    wrong = {kind: sorted(names) for kind, names in info.items() if names}
    if wrong:
        raise RuntimeError(f"transformers does not load the checkpoint as saved: {wrong}")
    return model.eval()
