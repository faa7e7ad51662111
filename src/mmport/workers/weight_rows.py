"""Which rows of a checkpoint's tensors a parameter is made of, on either side.

A run is `[row, tensor, first, count]`: from `row` on, `count` rows of the
parameter are those of `tensor` from its row `first` on. A row is what one
index of the first dimension holds, and of a vector one element: row *i* of a
linear layer's weight makes its output *i*. So runs tell which outputs of two
modules are the same, however their weights were fused, split or reordered.
"""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

    Run = tuple[int, str, int, int]


def landed_rows(
    shape: Sequence[int],
    tensor_of: torch.Tensor,
    index_of: torch.Tensor | None,
    names: Sequence[str],
    shapes: Mapping[str, Sequence[int]],
) -> list[Run]:
    """Read a traced parameter's runs from where its elements came.

    Args:
        shape: of the parameter.
        tensor_of: number of the tensor that each element came from, flat; negative if none.
        index_of: index that each element had in it; None: elements stand in order.
        names: of the tensors, by number.
        shapes: of the tensors, by name.
    """
    if not tensor_of.numel():
        return []
    width = max(1, math.prod(shape[1:]))
    rows: list[tuple[str, int]] = []
    seen: dict[str, int] = defaultdict(int)
    for row, number in enumerate(tensor_of[::width].tolist()):
        if number < 0:
            rows.append(("", 0))
            continue
        name = names[number]
        length = max(1, math.prod(shapes[name][1:]))
        source = int(index_of[row * width]) // length if index_of is not None else seen[name]
        seen[name] += 1
        rows.append((name, source))
    return _runs(rows)


def loaded_rows(
    state: Mapping[str, torch.Tensor], tensors: Iterable[tuple[str, torch.Tensor]]
) -> dict[str, list[Run]]:
    """Find by their content the runs of each of HF's parameters.

    HF renames, fuses and stacks what it loads, each release in its own way;
    what it holds in the end can be looked at.

    Args:
        state: the loaded parameters, by name.
        tensors: those of the checkpoint; floating ones are taken in the parameters' dtype.
    """
    dtypes = {value.dtype for value in state.values() if value.is_floating_point()}
    dtype = next(iter(dtypes)) if len(dtypes) == 1 else None
    whole: dict[str, list[tuple[str, int]]] = defaultdict(list)
    row_of: dict[str, tuple[str, int]] = {}
    for name, tensor in tensors:
        value = tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor
        whole[_digest(value)].append((name, len(value) if value.ndim else 1))
        if value.ndim > 1:
            for row, part in enumerate(value):
                row_of.setdefault(_digest(part), (name, row))
    found: dict[str, list[Run]] = {}
    for name, value in state.items():
        same = whole.get(_digest(value), [])
        if same:
            tensor_name, rows = max(same, key=lambda entry: common_ending(name, entry[0]))
            found[name] = [(0, tensor_name, 0, rows)]
        elif value.ndim > 1:
            found[name] = _runs([row_of.get(_digest(part), ("", 0)) for part in value])
    return {name: runs for name, runs in found.items() if runs}


def common_ending(one: str, other: str) -> int:
    """Count equal components of two names, from the end."""
    count = 0
    for ours, theirs in zip(reversed(one.split(".")), reversed(other.split(".")), strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def _runs(rows: Sequence[tuple[str, int]]) -> list[Run]:
    """Join rows that follow each other in one tensor; rows of none are left out."""
    runs: list[Run] = []
    for row, (name, source) in enumerate(rows):
        if not name:
            continue
        if runs:
            start, last, first, count = runs[-1]
            if (last, first + count, start + count) == (name, source, row):
                runs[-1] = (start, last, first, count + 1)
                continue
        runs.append((row, name, source, 1))
    return runs


def _digest(value: Any) -> str:
    import torch

    data = value.detach().cpu().contiguous()
    digest = hashlib.blake2b(data.reshape(-1).view(torch.uint8).numpy().tobytes(), digest_size=12)
    return f"{tuple(data.shape)}{digest.hexdigest()}"
