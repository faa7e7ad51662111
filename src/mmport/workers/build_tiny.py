"""Builds a small seeded checkpoint: config, weights, tokenizer and processor."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .tiny_tokenizer import train_tokenizer
from .tiny_weights import Demands, Filler, measure, recipes, search

Report = Callable[[str], None]
Payload = dict[str, Any]

REPORT = "mmport-tiny.json"
"""What the weights were drawn with and what they do, beside them."""


def run(payload: Payload, out: Path, report: Report) -> dict[str, Any]:
    """Build a checkpoint in the folder `checkpoint` and say what it does.

    The payload holds that folder, `config` (small already), `image_size`
    (pixels), `seed`, `dtype`, `renames` (pattern, replacement) that lead from
    what transformers saves to the layout wanted, `tokenizer` (how to train one,
    or None), `processor` (how to make one, or None), and `files` of the source
    repo (name to text or path).

    Raises:
        RuntimeError: no weights make the model worth comparing, or the
            checkpoint does not load as it was saved.
    """
    report("importing transformers")
    import torch
    import transformers

    torch.set_num_threads(1)  # for tensors this small, more only get in each other's way
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    folder = Path(payload["checkpoint"])
    config = _write_config(folder, payload)
    report("making the processor")
    _write_source_files(folder, payload["files"])
    processor = _make_processor(folder, payload)
    report("searching weights")
    dtype = getattr(torch, payload["dtype"])
    model_class = _model_class(config)
    torch.manual_seed(payload["seed"])
    model = model_class(config).to(dtype).eval()
    filler = Filler(model, _unspoken(processor, model))
    image_size = payload["image_size"]

    def attempt(recipe: Any) -> Any:
        filler.fill(recipe)
        return measure(model, processor, image_size)

    demands = Demands(**payload.get("demands", {}))
    candidates = recipes(payload["seed"])
    recipe, _, tries = search(candidates, attempt, demands)
    report("writing")
    _save(model, folder, payload["renames"])
    report("measuring what was written")
    reloaded = _reload(model_class, folder, dtype)
    behaviour = measure(reloaded, processor, image_size)
    if not behaviour.meets(demands):
        raise RuntimeError(f"the checkpoint behaves differently once loaded: {behaviour}")
    found = {
        **asdict(recipe),
        **asdict(behaviour),
        "tries": tries,
        "parameters": sum(parameter.numel() for parameter in reloaded.parameters()),
        "transformers": transformers.__version__,
    }
    (folder / REPORT).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return found


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
    return AutoConfig.from_pretrained(folder)


def _model_class(config: Any) -> Any:
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText._model_mapping[type(config)]


def _write_source_files(folder: Path, files: dict[str, dict[str, str]]) -> None:
    for name, content in files.items():
        target = folder / name
        if "text" in content:
            target.write_text(content["text"], encoding="utf-8")
        else:
            shutil.copyfile(content["path"], target)


def _make_processor(folder: Path, payload: Payload) -> Any:
    """Make what the source repo lacks, save it, and load the whole as a user would."""
    import transformers

    wanted = payload["processor"]
    if payload["tokenizer"] is not None:
        tokenizer = train_tokenizer(**payload["tokenizer"])
        tokenizer.save_pretrained(folder)
    if wanted is not None:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        if wanted["image_class"] is None:
            images = transformers.AutoImageProcessor.from_pretrained(folder)
        else:
            images = getattr(transformers, wanted["image_class"])(**wanted["image_settings"])
        token = tokenizer.convert_ids_to_tokens(wanted["placeholder_id"])
        processor = getattr(transformers, wanted["class"])(
            images,
            tokenizer,
            chat_template=tokenizer.chat_template,
            image_token=token,
            **wanted["settings"],
        )
        processor.save_pretrained(folder)
    return transformers.AutoProcessor.from_pretrained(folder)


def _unspoken(processor: Any, model: Any) -> list[int]:
    """List the special tokens, and the ids beyond the tokenizer's."""
    tokenizer = processor.tokenizer
    rows = model.get_output_embeddings().weight.shape[0]
    special = {*tokenizer.all_special_ids, processor.image_token_id}
    return sorted({*special, *range(len(tokenizer), rows)} & set(range(rows)))


def _save(model: Any, folder: Path, renames: Sequence[Sequence[str]]) -> None:
    """Save the weights as transformers does, under the names of the layout wanted."""
    from safetensors.torch import load_file, save_file

    stage = folder / ".saved"
    model.save_pretrained(stage, max_shard_size="100GB")
    saved = load_file(stage / "model.safetensors")
    tensors = {_renamed(name, renames): tensor for name, tensor in saved.items()}
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
    model, info = model_class.from_pretrained(folder, dtype=dtype, output_loading_info=True)
    wrong = {kind: sorted(names) for kind, names in info.items() if names}
    if wrong:
        raise RuntimeError(f"transformers does not load the checkpoint as saved: {wrong}")
    return model.eval()
