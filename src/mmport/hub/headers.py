"""Safetensors headers: names, dtypes and shapes, without a byte of weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmport.core.errors import MalformedSource
from mmport.hub.names import inside
from mmport.model.tensors import TensorHeader

_BITS = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 64),
    **dict.fromkeys(("F32", "I32", "U32"), 32),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 16),
    **dict.fromkeys(("BOOL", "I8", "U8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
}


def read_header(path: Path, name: str) -> dict[str, TensorHeader]:
    """Read the header of a file on disk.

    Raises:
        MalformedSource: the header is broken, or the file does not hold what it says.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            slices = {tensor: file.get_slice(tensor) for tensor in file.keys()}  # noqa: SIM118
            return {
                tensor: TensorHeader(view.get_dtype(), tuple(view.get_shape()), name)
                for tensor, view in slices.items()
            }
    except (SafetensorError, OSError, ValueError) as error:
        raise broken(name, str(error).rpartition("header: ")[2]) from error


def checked_header(metadata: Any, name: str, size: int | None) -> dict[str, TensorHeader]:
    """Hold a header that huggingface_hub parsed to what safetensors demands of a file.

    Args:
        metadata: a `SafetensorsFileMetadata`; its fields are unchecked JSON.
        name: the file's name.
        size: bytes of the whole file, where the hub told it.

    Raises:
        MalformedSource: a shape, a dtype or an offset cannot be true.
    """
    headers: dict[str, TensorHeader] = {}
    spans: list[tuple[int, int]] = []
    for tensor, info in metadata.tensors.items():
        if not tensor.isprintable():
            raise broken(name, "it holds a tensor whose name is no text")
        shape, span = tuple(info.shape), tuple(info.data_offsets)
        if len(span) != 2 or not all(_is_count(value) for value in (*shape, *span)):
            raise broken(name, f"tensor {tensor[:80]!r} has no true shape or place")
        bits = _BITS.get(info.dtype)
        if bits is not None and math.prod(shape) * bits != (span[1] - span[0]) * 8:
            raise broken(name, f"tensor {tensor[:80]!r} has another size than its shape says")
        spans.append(span)
        headers[tensor] = TensorHeader(str(info.dtype), shape, name)
    end = 0
    for begin, after in sorted(spans):
        if begin != end:
            raise broken(name, "its tensors overlap or leave gaps")
        end = after
    if size is not None and end >= size:
        raise broken(name, f"it promises {end} bytes of tensors and is {size} bytes long")
    return headers


def shards_of(index: Mapping[str, Any], name: str) -> dict[str, list[str]]:
    """Turn an index into file names and the tensors each is said to hold.

    Raises:
        MalformedSource: the index has no usable `weight_map`, or names outside files.
    """
    weight_map = index.get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise MalformedSource(f"{name} has no weight_map", "write the checkpoint anew")
    shards: dict[str, list[str]] = {}
    for tensor, file in weight_map.items():
        if not isinstance(file, str) or not file.endswith(".safetensors"):
            raise MalformedSource(
                f"{name} says that {tensor[:80]!r} is in no safetensors file",
                "write the checkpoint anew as safetensors",
            )
        shards.setdefault(inside(file, told_by=name), []).append(tensor)
    return dict(sorted(shards.items()))


def merge_shards(
    headers: Mapping[str, Mapping[str, TensorHeader]],
    shards: Mapping[str, Iterable[str]],
    name: str,
) -> dict[str, TensorHeader]:
    """Join the shards' headers and hold them to the index.

    Raises:
        MalformedSource: a tensor is in two shards, or not where the index says.
    """
    merged: dict[str, TensorHeader] = {}
    for file, tensors in headers.items():
        if double := merged.keys() & tensors.keys():
            raise broken(file, f"tensor {min(double)[:80]!r} is also in another shard")
        merged.update(tensors)
        if missing := set(shards[file]) - tensors.keys():
            raise broken(file, f"tensor {min(missing)[:80]!r}, which {name} names, is not in it")
    return merged


def broken(name: str, why: str) -> MalformedSource:
    """Say that a safetensors file is damaged."""
    return MalformedSource(f"{name} is damaged: {why}", "fetch the file again; it may be cut short")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
