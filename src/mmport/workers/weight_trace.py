"""Where each element of a checkpoint lands when an implementation loads it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .checkpoint import read_shapes
from .exchange import is_memory_error
from .probes import tied_parameters
from .weight_rows import landed_rows

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    Identify = Callable[[str, int], torch.Tensor]

UNFILLED = -1
MAX_TRACED_ELEMENTS = 1 << 26
"""Above this, tensors are told apart and their elements are not."""
_KEPT_ELEMENTS = 1 << 20
"""Parameters up to this size are put back after the trace."""

# What an element is that holds no number.
_UNFILLED, _PADDING, _ALTERED = -1, -2, -3


def traced(model: Any, files: Sequence[Path], *, required: bool) -> dict[str, Any]:
    """Trace the weights; say why it could not be done, where it is not required.

    A class may compute with what it loads, and refuse what no checkpoint holds.
    """
    try:
        return trace_weights(model, files)
    except Exception as error:
        if required or is_memory_error(error):
            raise
        return {"untraced": f"{type(error).__name__}: {error}"}


def trace_weights(model: Any, files: Sequence[Path]) -> dict[str, Any]:
    """Load identifiable values instead of weights, and read where they went.

    Several passes load each tensor filled with its own number, then with the
    index of each element, in digits small enough to be exact in the model's
    dtype. A digit is at least 1, so that 0 is padding which the loader wrote
    itself, and `UNFILLED` is what no tensor reached.

    Args:
        model: built by the engine, not yet loaded.
        files: the checkpoint's safetensors files.

    Returns:
        `tensors`: size by name. `landed`: by tensor, elements that arrived and
        how many of them are different ones. `landings`: one for each tensor in
        each parameter. `unfilled`, `padding`, `altered`: elements by parameter.
        `rearranged`: tensors whose elements arrived in another order.
        `elements`: whether elements were told apart. `sources`: by parameter
        and buffer, the runs of rows that came from one tensor (`weight_rows`).
    """
    import torch

    shapes = read_shapes(files)
    names = list(shapes)
    numbers = {name: index for index, name in enumerate(names)}
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    traces_elements = sum(sizes.values()) <= MAX_TRACED_ELEMENTS
    with _Loads(model, shapes).kept() as loads:
        tensor_of = loads.read(
            lambda name, size: torch.tensor(numbers[name]).expand(size), len(names)
        )
        index_of = (
            loads.read(lambda _, size: torch.arange(size), max(sizes.values()))
            if traces_elements
            else None
        )
        found = _Found(names)
        sources = {}
        for place, read in tensor_of.items():
            indices = index_of[place] if index_of is not None else None
            found.add(place, read, indices)
            sources[place] = landed_rows(loads.places[place].shape, read, indices, names, shapes)
    return {
        "tensors": sizes,
        **found.as_dict(loads.parameters),
        "aliases": tied_parameters(model),
        "packed": getattr(model, "packed_modules_mapping", {}),
        "elements": traces_elements,
        "sources": {place: runs for place, runs in sources.items() if runs},
    }


class _Found:
    """Gathers what the passes found, one parameter or buffer after the other."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.landings: list[dict[str, Any]] = []
        self.indices: dict[str, list[torch.Tensor]] = defaultdict(list)
        self.landed: dict[str, int] = defaultdict(int)
        self.rearranged: list[str] = []
        self.blank: dict[int, dict[str, dict[str, int]]] = defaultdict(dict)

    def add(self, place: str, read: torch.Tensor, indices: torch.Tensor | None) -> None:
        import torch

        for kind in (_UNFILLED, _PADDING, _ALTERED):
            where = (read == kind).nonzero()[:, 0]
            if len(where):
                self.blank[kind][place] = {"elements": len(where), "first": int(where[0])}
        for number in torch.unique(read[read >= 0]).tolist():
            tensor, where = self.names[number], (read == number).nonzero()[:, 0]
            self.landings.append(
                {
                    "parameter": place,
                    "tensor": tensor,
                    "elements": len(where),
                    "first": int(where[0]),
                    "last": int(where[-1]),
                }
            )
            self.landed[tensor] += len(where)
            if indices is not None:
                mine = indices[where]
                self.indices[tensor].append(mine)
                if not bool((mine.diff() > 0).all()):
                    self.rearranged.append(tensor)

    def as_dict(self, parameters: dict[str, Any]) -> dict[str, Any]:
        import torch

        distinct = {
            tensor: len(torch.cat(parts).unique()) for tensor, parts in self.indices.items()
        }
        landed = {
            tensor: {"elements": count, "distinct": distinct.get(tensor, count)}
            for tensor, count in self.landed.items()
        }
        # A buffer that the checkpoint leaves alone was computed; a parameter was not.
        unfilled = {
            name: blank for name, blank in self.blank[_UNFILLED].items() if name in parameters
        }
        return {
            "landings": self.landings,
            "landed": landed,
            "rearranged": self.rearranged,
            "unfilled": unfilled,
            "padding": self.blank[_PADDING],
            "altered": self.blank[_ALTERED],
        }


class _Loads:
    """Loads made-up tensors through the model's own `load_weights`."""

    def __init__(self, model: Any, shapes: dict[str, tuple[int, ...]]) -> None:
        import torch

        self.model = model
        self.shapes = shapes
        self.parameters = dict(model.named_parameters())
        state = model.state_dict(keep_vars=True)
        buffers = {
            name: buffer
            for name, buffer in model.named_buffers()
            if name in state and buffer.is_floating_point()
        }
        self.places = self.parameters | buffers
        # Integers up to this are exact in every dtype of the model; quantised
        # parameters are not told apart (they count as altered).
        self.base = min(
            int(2 / torch.finfo(place.dtype).eps)
            for place in self.places.values()
            if place.is_floating_point()
        )

    @contextmanager
    def kept(self) -> Iterator[_Loads]:
        """Put back what the model held: the checkpoint may not fill all of it."""
        import torch

        before = {
            name: place.detach().clone()
            for name, place in self.places.items()
            if place.numel() <= _KEPT_ELEMENTS
        }
        yield self
        with torch.no_grad():
            for name, value in before.items():
                self.places[name].copy_(value)

    def read(self, identify: Identify, count: int) -> dict[str, torch.Tensor]:
        """Load the numbers that `identify(name, size)` gives, each below `count`.

        Returns:
            By parameter the number that each element received, flat int64;
            negative where it is none (`_UNFILLED`, `_PADDING`, `_ALTERED`).
        """
        import torch

        digit = self.base - 1
        passes = max(1, math.ceil(math.log(max(count, 2), digit)))
        total: dict[str, torch.Tensor] = {}
        for power in range(passes):
            self._load(identify, power, digit)
            for name, place in self.places.items():
                number = _digits(place, digit, digit**power)
                before = total.get(name)
                if before is not None:
                    both = (before >= 0) & (number >= 0)
                    number = torch.where(both, before + number, torch.minimum(before, number))
                total[name] = number
        return total

    def _load(self, identify: Identify, power: int, digit: int) -> None:
        import torch

        def weights() -> Iterator[tuple[str, torch.Tensor]]:
            for name, shape in self.shapes.items():
                number = identify(name, math.prod(shape)) // digit**power % digit + 1
                yield name, number.to(torch.float32).reshape(shape)

        with torch.no_grad():
            for place in self.places.values():
                place.fill_(UNFILLED)
            self.model.load_weights(weights())


def _digits(place: torch.Tensor, digit: int, weight: int) -> torch.Tensor:
    """Read the digit that each element holds, times its weight; a negative where none."""
    value = place.detach().flatten().cpu().double()
    number = (value.round().long() - 1) * weight
    number[~((value >= 1) & (value <= digit) & (value == value.round()))] = _ALTERED
    number[value == 0] = _PADDING
    number[value == UNFILLED] = _UNFILLED
    return number
