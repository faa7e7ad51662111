"""Faults of single parameters: as a wrong or a badly loaded weight has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from .patches import overwritten
from .registry import Found, operator, stages_of
from .specimen import Specimen

if TYPE_CHECKING:
    import torch

    Change = Callable[[torch.Tensor], torch.Tensor]

_GROUP = "parameters"
_SCALES = ("scale", "gamma", "gate", "lambda", "alpha")
_POSITIONS = ("pos", "position", "positional")
_CLASS_TOKENS = ("cls", "class")


def _floating(specimen: Specimen) -> Iterator[tuple[str, torch.Tensor]]:
    """Every parameter once, tied ones under their first name."""
    for path, parameter in specimen.model.named_parameters():
        if parameter.is_floating_point() and parameter.numel():
            yield path, parameter


def _changed(
    specimen: Specimen, change: Change, wanted: Callable[[str, torch.Tensor], bool]
) -> Iterator[Found]:
    """Mutants that compute some parameters' values anew, each by itself."""
    for path, parameter in _floating(specimen):
        if wanted(path, parameter):

            def apply(parameter: torch.Tensor = parameter) -> object:
                return overwritten(lambda: parameter.copy_(change(parameter.clone())), parameter)

            yield path, _stages(specimen, path), apply  # type: ignore[misc]


def _stages(specimen: Specimen, path: str) -> tuple[str, ...]:
    stages = stages_of(specimen, path.rpartition(".")[0])
    if any(name != path for name in _names_of(specimen, path)):
        others = [
            stages_of(specimen, name.rpartition(".")[0]) for name in _names_of(specimen, path)
        ]
        stages = tuple(dict.fromkeys((*stages, *(stage for other in others for stage in other))))
    return stages


def _names_of(specimen: Specimen, path: str) -> list[str]:
    """All names of a tied parameter."""
    parameters = dict(specimen.model.named_parameters(remove_duplicate=False))
    return [name for name, parameter in parameters.items() if parameter is parameters[path]]


def _is_bias(path: str, parameter: torch.Tensor) -> bool:
    return bool(parameter.ndim == 1 and path.rpartition(".")[2].endswith("bias"))


def _is_weight(path: str, parameter: torch.Tensor) -> bool:
    return bool(parameter.ndim > 1)


def _is_scale(path: str, parameter: torch.Tensor) -> bool:
    """A norm's weight, or any other vector that is multiplied with."""
    return parameter.ndim == 1 and not _is_bias(path, parameter)


def _speaks_of(words: tuple[str, ...], path: str, depth: int = 2) -> bool:
    """Whether one of a path's last components contains one of the words."""
    return any(word in part.lower() for part in path.split(".")[-depth:] for word in words)


def _noise(values: torch.Tensor) -> torch.Tensor:
    import torch

    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(values.shape, generator=generator, dtype=torch.float32)
    return noise.to(values) * values.float().std().nan_to_num()


@operator("bias zeroed", _GROUP)
def _zero_bias(specimen: Specimen) -> Iterator[Found]:
    return _changed(specimen, lambda values: values * 0, _is_bias)


@operator("bias off by 1%", _GROUP)
def _perturb_bias(specimen: Specimen) -> Iterator[Found]:
    return _changed(specimen, lambda values: values * 1.01, _is_bias)


@operator("weight off by 1%", _GROUP)
def _perturb_weight(specimen: Specimen) -> Iterator[Found]:
    return _changed(specimen, lambda values: values + 0.01 * _noise(values), _is_weight)


@operator("one weight is no number", _GROUP)
def _nan_weight(specimen: Specimen) -> Iterator[Found]:
    def change(values: torch.Tensor) -> torch.Tensor:
        values.view(-1)[values.numel() // 2] = float("nan")
        return values

    return _changed(specimen, change, lambda path, parameter: not _is_table(path, parameter))


def _is_table(path: str, parameter: torch.Tensor) -> bool:
    """Whether only some rows of a parameter take part in a run."""
    return "embed_tokens" in path or parameter.ndim > 3


@operator("weight through bfloat16", _GROUP)
def _cast_weight(specimen: Specimen) -> Iterator[Found]:
    import torch

    if specimen.dtype is torch.bfloat16:
        return
    yield from _changed(specimen, lambda values: values.bfloat16().to(values), _is_weight)


@operator("weight of a norm off by 5%", _GROUP)
def _scale_norm(specimen: Specimen) -> Iterator[Found]:
    return _changed(specimen, lambda values: values * 1.05, _is_scale)


@operator("one added to the weight of a norm", _GROUP)
def _offset_norm(specimen: Specimen) -> Iterator[Found]:
    return _changed(specimen, lambda values: values + 1, _is_scale)


@operator("learned scale ignored", _GROUP)
def _ignore_scale(specimen: Specimen) -> Iterator[Found]:
    def wanted(path: str, parameter: torch.Tensor) -> bool:
        return parameter.ndim <= 1 and _speaks_of(_SCALES, path, depth=1)

    return _changed(specimen, lambda values: values * 0 + 1, wanted)


@operator("square weight transposed", _GROUP)
def _transpose(specimen: Specimen) -> Iterator[Found]:
    def wanted(path: str, parameter: torch.Tensor) -> bool:
        return parameter.ndim == 2 and len(set(parameter.shape)) == 1

    return _changed(specimen, lambda values: values.t().contiguous(), wanted)


@operator("two weights of one shape exchanged", _GROUP)
def _exchange(specimen: Specimen) -> Iterator[Found]:
    by_shape: dict[tuple[int, ...], list[tuple[str, torch.Tensor]]] = {}
    for path, parameter in _floating(specimen):
        by_shape.setdefault(tuple(parameter.shape), []).append((path, parameter))
    for alike in by_shape.values():
        for (first, one), (second, other) in pairwise(alike):

            def apply(one: torch.Tensor = one, other: torch.Tensor = other) -> object:
                return overwritten(lambda: _swap(one, other), one, other)

            stages = (*_stages(specimen, first), *_stages(specimen, second))
            yield f"{first} + {second}", tuple(dict.fromkeys(stages)), apply  # type: ignore[misc]


def _swap(one: torch.Tensor, other: torch.Tensor) -> None:
    kept = one.clone()
    one.copy_(other)
    other.copy_(kept)


@operator("position embeddings shifted by one", _GROUP)
def _shift_positions(specimen: Specimen) -> Iterator[Found]:
    def wanted(path: str, parameter: torch.Tensor) -> bool:
        return parameter.ndim >= 2 and _speaks_of(_POSITIONS, path)

    return _changed(specimen, lambda values: values.roll(1, dims=-2), wanted)


@operator("position embeddings transposed", _GROUP)
def _transpose_positions(specimen: Specimen) -> Iterator[Found]:
    """A square grid's rows taken for its columns; a class token before it stays."""

    def change(values: torch.Tensor) -> torch.Tensor:
        rows = values.reshape(-1, values.shape[-1])
        side = int(len(rows) ** 0.5)
        first = len(rows) - side * side
        grid = rows[first:].reshape(side, side, -1).transpose(0, 1).reshape(side * side, -1)
        rows = rows.clone()
        rows[first:] = grid
        return rows.reshape(values.shape)

    def wanted(path: str, parameter: torch.Tensor) -> bool:
        rows = parameter.numel() // parameter.shape[-1] if parameter.ndim >= 2 else 0
        return rows > 3 and rows - int(rows**0.5) ** 2 <= 1 and _speaks_of(_POSITIONS, path)

    return _changed(specimen, change, wanted)


@operator("class token left out", _GROUP)
def _drop_class_token(specimen: Specimen) -> Iterator[Found]:
    def wanted(path: str, parameter: torch.Tensor) -> bool:
        return _speaks_of(_CLASS_TOKENS, path, depth=1)

    return _changed(specimen, lambda values: values * 0, wanted)


@operator("rows and columns of a patch exchanged", _GROUP)
def _transpose_patch(specimen: Specimen) -> Iterator[Found]:
    def wanted(path: str, parameter: torch.Tensor) -> bool:
        height, width = parameter.shape[-2:] if parameter.ndim >= 4 else (0, 0)
        return bool(height == width > 1)

    return _changed(specimen, lambda values: values.transpose(-1, -2).contiguous(), wanted)


@operator("colours of a patch in reverse", _GROUP)
def _reverse_channels(specimen: Specimen) -> Iterator[Found]:
    def wanted(path: str, parameter: torch.Tensor) -> bool:
        return bool(parameter.ndim >= 4 and parameter.shape[1] == 3)

    return _changed(specimen, lambda values: values.flip(1), wanted)


@operator("embedding table or head off by one row", _GROUP)
def _shift_vocabulary(specimen: Specimen) -> Iterator[Found]:
    def wanted(path: str, parameter: torch.Tensor) -> bool:
        holder = specimen.places[path.rpartition(".")[0]].module
        kinds = {kind.__name__ for kind in type(holder).__mro__}
        return parameter.ndim == 2 and "VocabParallelEmbedding" in kinds

    return _changed(specimen, lambda values: values.roll(1, dims=0), wanted)


@operator("head of a tied model loaded by itself", _GROUP)
def _untie(specimen: Specimen) -> Iterator[Found]:
    """The head of other weights than the embeddings that it is tied to."""
    from .patches import patched

    for place in specimen.places.values():
        weight = getattr(place.module, "weight", None)
        if specimen.phase_of(place.path) != "logits" or weight is None or weight.ndim != 2:
            continue
        import torch

        def apply(holder: object = place.module, weight: torch.Tensor = weight) -> object:
            other = (weight + 0.1 * _noise(weight)).detach()
            parameters = dict(vars(holder)["_parameters"], weight=torch.nn.Parameter(other, False))
            return patched(holder, "_parameters", parameters)

        yield place.path, ("logits", "decoder"), apply  # type: ignore[misc]


def _halves(values: torch.Tensor) -> torch.Tensor:
    import torch

    first, second = values.chunk(2)
    return torch.cat((second, first))


@operator("gate and up exchanged", _GROUP)
def _exchange_gate(specimen: Specimen) -> Iterator[Found]:
    def wanted(path: str, parameter: torch.Tensor) -> bool:
        sizes = getattr(specimen.places[path.rpartition(".")[0]].module, "output_sizes", None)
        return isinstance(sizes, list) and len(sizes) == 2 and sizes[0] == sizes[1]

    return _changed(specimen, _halves, wanted)


@operator("query and key exchanged", _GROUP)
def _exchange_query(specimen: Specimen) -> Iterator[Found]:
    for path, parameter in _floating(specimen):
        fused = _fused(specimen, path)
        if fused is None or fused[0] != fused[1]:
            continue

        def apply(parameter: torch.Tensor = parameter, size: int = fused[0]) -> object:
            def change() -> None:
                parameter[: 2 * size] = _halves(parameter[: 2 * size].clone())

            return overwritten(change, parameter)

        yield path, _stages(specimen, path), apply  # type: ignore[misc]


@operator("heads in another order", _GROUP)
def _roll_heads(specimen: Specimen) -> Iterator[Found]:
    """The heads of the query, the key or the value, each by itself, turned by one."""
    for path, parameter in _floating(specimen):
        fused = _fused(specimen, path)
        head = getattr(specimen.places[path.rpartition(".")[0]].module, "head_size", 0)
        if fused is None or not head:
            continue
        start = 0
        for name, size in zip(("query", "key", "value"), fused, strict=True):
            rows = slice(start, start + size)
            start += size
            if size <= head:
                continue

            def apply(
                parameter: torch.Tensor = parameter, rows: slice = rows, head: int = head
            ) -> object:
                def change() -> None:
                    parameter[rows] = parameter[rows].roll(head, dims=0)

                return overwritten(change, parameter)

            yield f"{path} ({name})", _stages(specimen, path), apply  # type: ignore[misc]


def _fused(specimen: Specimen, path: str) -> tuple[int, int, int] | None:
    """Rows of query, key and value in a layer that computes all three."""
    holder = specimen.places[path.rpartition(".")[0]].module
    if not all(hasattr(holder, name) for name in ("num_heads", "num_kv_heads", "head_size")):
        return None
    key = holder.num_kv_heads * holder.head_size
    value = holder.num_kv_heads * getattr(holder, "v_head_size", holder.head_size)
    return holder.num_heads * holder.head_size, key, value
