"""Writes tiny LLaVA checkpoints without torch: right names, shapes and configs, zeros as values.

What is written equals, key by key, what transformers 5.19 saved for the same sizes.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

Encoder = Literal["clip", "siglip"]
Text = Literal["llama", "mistral", "qwen2"]
Layout = Literal[
    "transformers-4", "transformers-4.52", "transformers-5", "transformers-5-below-model"
]
Shapes = dict[str, tuple[int, ...]]

IMAGE_TOKEN_ID = 259
VOCAB = 320
PATCHES = 4
_VISION = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
_TEXT = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2}
_IMAGE, _PATCH = 28, 14


def write_llava(
    folder: Path,
    *,
    encoder: Encoder = "clip",
    text: Text = "llama",
    layout: Layout = "transformers-5",
    selection: Literal["default", "full"] = "default",
    layers: int | list[int] = -2,
    weights: bool = True,
    shards: int = 1,
    **overrides: Any,
) -> Path:
    """Write a LLaVA as `save_pretrained` does, and give its folder.

    Args:
        folder: made if it is not there.
        encoder: the vision tower's family.
        text: the language model's type.
        layout: the names of the tensors.
        selection: `vision_feature_select_strategy`.
        layers: `vision_feature_layer`.
        weights: whether safetensors are written at all.
        shards: in how many files.
        **overrides: keys of config.json; dicts are merged into the part that is there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = llava_config(encoder=encoder, text=text, selection=selection, layers=layers)
    write_json(folder / "config.json", merged(config, overrides))
    write_json(folder / "processor_config.json", processor_config(encoder, selection))
    write_tokenizer(folder)
    if weights:
        count = len(layers) if isinstance(layers, list) else 1
        tied = bool(merged(config, overrides)["tie_word_embeddings"])
        shapes = llava_shapes(encoder, text, layout, feature_layers=count, tied=tied)
        write_weights(folder, shapes, shards=shards)
    return folder


def llava_config(
    *, encoder: Encoder, text: Text, selection: str, layers: int | list[int]
) -> dict[str, Any]:
    """The config.json of a tiny LLaVA, with what differs from the classes' defaults."""
    return {
        "architectures": ["LlavaForConditionalGeneration"],
        "dtype": "float32",
        "image_seq_length": PATCHES,
        "image_token_index": IMAGE_TOKEN_ID,
        "model_type": "llava",
        "multimodal_projector_bias": True,
        "projector_hidden_act": "gelu",
        "text_config": {
            **_TEXT,
            "model_type": text,
            "num_attention_heads": 2,
            "num_key_value_heads": 2,
            "head_dim": 32,
            "vocab_size": VOCAB,
            "max_position_embeddings": 512,
        },
        "tie_word_embeddings": False,
        "transformers_version": "5.19.0",
        "vision_config": {
            **_VISION,
            "model_type": f"{encoder}_vision_model",
            "num_attention_heads": 4,
            "image_size": _IMAGE,
            "patch_size": _PATCH,
        },
        "vision_feature_layer": layers,
        "vision_feature_select_strategy": selection,
    }


def processor_config(encoder: Encoder, selection: str) -> dict[str, Any]:
    """The processor_config.json that transformers 5 writes, image processor and all."""
    size: dict[str, Any] = {"size": {"height": _IMAGE, "width": _IMAGE}}
    if encoder == "clip":
        size = {
            "crop_size": {"height": _IMAGE, "width": _IMAGE},
            "do_center_crop": True,
            "size": {"shortest_edge": _IMAGE},
        }
    family = {"clip": "CLIP", "siglip": "Siglip"}[encoder]
    mean = {"clip": [0.48145466, 0.4578275, 0.40821073], "siglip": [0.5, 0.5, 0.5]}[encoder]
    std = {"clip": [0.26862954, 0.26130258, 0.27577711], "siglip": [0.5, 0.5, 0.5]}[encoder]
    return {
        "image_processor": {
            **size,
            "do_convert_rgb": True,
            "do_normalize": True,
            "do_rescale": True,
            "do_resize": True,
            "image_mean": mean,
            "image_processor_type": f"{family}ImageProcessor",
            "image_std": std,
            "resample": 3,
            "rescale_factor": 1 / 255,
        },
        "image_token": "<image>",
        "num_additional_image_tokens": 1 if encoder == "clip" else 0,
        "patch_size": _PATCH,
        "processor_class": "LlavaProcessor",
        "vision_feature_select_strategy": selection,
    }


def write_tokenizer(folder: Path) -> None:
    """Write a tokenizer of 256 bytes and four special tokens."""
    special = ["<s>", "</s>", "<pad>", "<image>"]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    added = [
        {"id": 256 + place, "content": token, **flags, "special": True}
        for place, token in enumerate(special)
    ]
    # The 256 symbols by which a byte-level BPE writes bytes, in code point order.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    symbols = [*printable, *range(256, 256 + 256 - len(printable))]
    bytes_level = {"add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    write_json(
        folder / "tokenizer.json",
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": added,
            "normalizer": None,
            "pre_tokenizer": {"type": "ByteLevel", **bytes_level},
            "post_processor": None,
            "decoder": {"type": "ByteLevel", **bytes_level, "add_prefix_space": True},
            "model": {
                "type": "BPE",
                "vocab": {chr(code): place for place, code in enumerate(symbols)},
                "merges": [],
            },
        },
    )
    write_json(
        folder / "tokenizer_config.json",
        {
            "backend": "tokenizers",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "extra_special_tokens": [],
            "image_token": "<image>",
            "pad_token": "<pad>",
            "processor_class": "LlavaProcessor",
            "tokenizer_class": "TokenizersBackend",
        },
    )


def llava_shapes(
    encoder: Encoder, text: Text, layout: Layout, *, feature_layers: int = 1, tied: bool = False
) -> Shapes:
    """Every tensor of a tiny LLaVA, under the names of one layout."""
    prefix = "model." if layout in ("transformers-4.52", "transformers-5-below-model") else ""
    inner = "" if layout.startswith("transformers-5") else "vision_model."
    decoder = "model.language_model." if prefix else "language_model.model."
    head = "lm_head." if prefix else "language_model.lm_head."
    vision, hidden = _VISION["hidden_size"], _TEXT["hidden_size"]
    parts: list[tuple[str, Shapes]] = [
        (f"{prefix}vision_tower.{inner}", _tower(encoder)),
        (
            f"{prefix}multi_modal_projector.",
            {
                "linear_1.weight": (hidden, vision * feature_layers),
                "linear_1.bias": (hidden,),
                "linear_2.weight": (hidden, hidden),
                "linear_2.bias": (hidden,),
            },
        ),
        (decoder, _decoder(text)),
        (head, {} if tied else {"weight": (VOCAB, hidden)}),
    ]
    return {f"{start}{name}": shape for start, part in parts for name, shape in part.items()}


def write_weights(folder: Path, shapes: Shapes, *, shards: int = 1) -> None:
    """Write zeros as safetensors: one file, or shards and their index."""
    if shards == 1:
        write_safetensors(folder / "model.safetensors", shapes)
        return
    names = sorted(shapes)
    weight_map: dict[str, str] = {}
    for place in range(shards):
        file = f"model-{place + 1:05}-of-{shards:05}.safetensors"
        held = {name: shapes[name] for name in names[place::shards]}
        write_safetensors(folder / file, held)
        weight_map |= dict.fromkeys(held, file)
    total = sum(4 * math.prod(shape) for shape in shapes.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    write_json(folder / "model.safetensors.index.json", index)


def write_safetensors(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Write float32 zeros."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    path.write_bytes(safetensors_bytes(header, end))


def safetensors_bytes(header: object, data: int) -> bytes:
    """A file with any header, true or not, and `data` zero bytes after it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(data)


def write_json(path: Path, value: object) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False), encoding="utf-8")


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay `changes` over `base`; None removes a key, dicts are merged."""
    result = dict(base)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def _linear(name: str, out: int, into: int, *, bias: bool) -> Shapes:
    weight: Shapes = {f"{name}.weight": (out, into)}
    return weight | ({f"{name}.bias": (out,)} if bias else {})


def _norm(name: str, size: int) -> Shapes:
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def _tower(encoder: Encoder) -> Shapes:
    size, inner = _VISION["hidden_size"], _VISION["intermediate_size"]
    clip = encoder == "clip"
    shapes: Shapes = {
        "embeddings.patch_embedding.weight": (size, 3, _PATCH, _PATCH),
        "embeddings.position_embedding.weight": (PATCHES + clip, size),
        **_norm("post_layernorm", size),
    }
    if clip:
        shapes |= {"embeddings.class_embedding": (size,), **_norm("pre_layrnorm", size)}
    else:
        shapes |= {"embeddings.patch_embedding.bias": (size,), **_siglip_head(size, inner)}
    for layer in range(_VISION["num_hidden_layers"]):
        at = f"encoder.layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= _linear(f"{at}.self_attn.{name}", size, size, bias=True)
        shapes |= _linear(f"{at}.mlp.fc1", inner, size, bias=True)
        shapes |= _linear(f"{at}.mlp.fc2", size, inner, bias=True)
        shapes |= _norm(f"{at}.layer_norm1", size) | _norm(f"{at}.layer_norm2", size)
    return shapes


def _siglip_head(size: int, inner: int) -> Shapes:
    return {
        "head.probe": (1, 1, size),
        "head.attention.in_proj_weight": (3 * size, size),
        "head.attention.in_proj_bias": (3 * size,),
        **_linear("head.attention.out_proj", size, size, bias=True),
        **_norm("head.layernorm", size),
        **_linear("head.mlp.fc1", inner, size, bias=True),
        **_linear("head.mlp.fc2", size, inner, bias=True),
    }


def _decoder(text: Text) -> Shapes:
    size, inner = _TEXT["hidden_size"], _TEXT["intermediate_size"]
    shapes: Shapes = {"embed_tokens.weight": (VOCAB, size), "norm.weight": (size,)}
    for layer in range(_TEXT["num_hidden_layers"]):
        at = f"layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj"):
            shapes |= _linear(f"{at}.self_attn.{name}", size, size, bias=text == "qwen2")
        shapes |= _linear(f"{at}.self_attn.o_proj", size, size, bias=False)
        shapes |= _linear(f"{at}.mlp.gate_proj", inner, size, bias=False)
        shapes |= _linear(f"{at}.mlp.up_proj", inner, size, bias=False)
        shapes |= _linear(f"{at}.mlp.down_proj", size, inner, bias=False)
        shapes |= {f"{at}.input_layernorm.weight": (size,)}
        shapes |= {f"{at}.post_attention_layernorm.weight": (size,)}
    return shapes
