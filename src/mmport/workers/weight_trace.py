"""Where each element of a checkpoint lands when an implementation loads it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

UNFILLED = -1
MAX_TRACED_ELEMENTS = 1 << 26
"""Above this, tensors are told apart and their elements are not."""


def trace_weights(model: Any, folder: Path) -> dict[str, Any]:
    """Load identifiable values instead of weights, and read where they went.

    Several passes load each tensor filled with its own number, then with the
    index of each element, in digits small enough to be exact in the model's
    dtype. A digit is at least 1, so that 0 is padding which the loader wrote
    itself, and `UNFILLED` is what no tensor reached.
    """
    import torch

    shapes = _checkpoint_shapes(folder)
    names = list(shapes)
    numbers = {name: index for index, name in enumerate(names)}
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    largest = max(sizes.values())
    traces_elements = sum(sizes.values()) <= MAX_TRACED_ELEMENTS

    loads = _Loads(model, shapes)
    tensor_of = loads.read(lambda name, size: torch.tensor(numbers[name]).expand(size), len(names))
    index_of = loads.read(lambda _, size: torch.arange(size), largest) if traces_elements else None
    landings: list[dict[str, Any]] = []
    unfilled: dict[str, int] = {}
    padding: dict[str, int] = {}
    altered: dict[str, int] = {}
    for parameter, numbers_read in tensor_of.items():
        for kind, store in ((_UNFILLED, unfilled), (_PADDING, padding), (_ALTERED, altered)):
            if count := int((numbers_read == kind).sum()):
                store[parameter] = count
        for number in torch.unique(numbers_read[numbers_read >= 0]).tolist():
            where = (numbers_read == number).nonzero()[:, 0]
            indices = index_of[parameter][where] if index_of is not None else None
            landings.append(_landing(parameter, names[number], where, indices))
    return {
        "tensors": sizes,
        "landings": landings,
        "unfilled": unfilled,
        "padding": padding,
        "altered": altered,
        "aliases": _aliases(model),
        "packed": getattr(model, "packed_modules_mapping", {}),
        "elements": traces_elements,
    }


_UNFILLED, _PADDING, _ALTERED = -1, -2, -3


class _Loads:
    """Loads made-up tensors through the model's own `load_weights`."""

    def __init__(self, model: Any, shapes: dict[str, tuple[int, ...]]) -> None:
        import torch

        self.model = model
        self.shapes = shapes
        self.parameters = dict(model.named_parameters())
        dtypes = {parameter.dtype for parameter in self.parameters.values()}
        # Integers up to this are exact in every dtype of the model; quantised
        # parameters are not told apart (they count as altered).
        self.base = min(
            int(2 / torch.finfo(dtype).eps) for dtype in dtypes if dtype.is_floating_point
        )

    def read(self, identify: Any, count: int) -> dict[str, torch.Tensor]:
        """Load the numbers that `identify(name, size)` gives, each below `count`.

        Returns:
            Per parameter the number that each element received, flat int64;
            negative where it is none (`_UNFILLED`, `_PADDING`, `_ALTERED`).
        """
        import torch

        digit = self.base - 1
        passes = max(1, math.ceil(math.log(max(count, 2), digit)))
        total: dict[str, torch.Tensor] = {}
        for place in range(passes):
            self._load(identify, place, digit)
            for name, parameter in self.parameters.items():
                value = parameter.detach().flatten().cpu().double()
                exact = (value >= 1) & (value <= digit) & (value == value.round())
                number = (value.round().long() - 1) * digit**place
                number[~exact] = _ALTERED
                number[value == 0] = _PADDING
                number[value == UNFILLED] = _UNFILLED
                before = total.get(name)
                if before is not None:
                    number = torch.where(
                        (before >= 0) & (number >= 0),
                        before + number,
                        torch.minimum(before, number),
                    )
                total[name] = number
        return total

    def _load(self, identify: Any, place: int, digit: int) -> None:
        import torch

        def weights() -> Iterator[tuple[str, torch.Tensor]]:
            for name, shape in self.shapes.items():
                number = identify(name, math.prod(shape)) // digit**place % digit + 1
                yield name, number.to(torch.float32).reshape(shape)

        with torch.no_grad():
            for parameter in self.parameters.values():
                parameter.fill_(UNFILLED)
            self.model.load_weights(weights())


def _landing(
    parameter: str, tensor: str, where: torch.Tensor, indices: torch.Tensor | None
) -> dict[str, Any]:
    landing: dict[str, Any] = {
        "parameter": parameter,
        "tensor": tensor,
        "elements": len(where),
        "first": int(where[0]),
    }
    if indices is not None:
        landing["distinct"] = len(indices.unique())
        landing["ordered"] = bool((indices.diff() > 0).all())
    return landing


def _aliases(model: Any) -> dict[str, str]:
    """Names that share a parameter with an earlier name: tied weights."""
    first: dict[int, str] = {}
    aliases = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        known = first.setdefault(id(parameter), name)
        if known != name:
            aliases[name] = known
    return aliases


def _checkpoint_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    from safetensors import safe_open

    shapes = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(str(path), framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - not a mapping
                shapes[name] = tuple(tensors.get_slice(name).get_shape())
    return shapes
