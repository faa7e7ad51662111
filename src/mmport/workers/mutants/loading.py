"""Faults of the weight map: what a loader does with a checkpoint's tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..checkpoint import read_shapes, read_tensors
from .patches import overwritten, patched
from .registry import Found, operator
from .specimen import Specimen

if TYPE_CHECKING:
    import torch

    Pairs = Iterator[tuple[str, torch.Tensor]]

_GROUP = "loading"
_STAGE = ("weights",)
_REARRANGED = ("weights", "encoder", "merge", "decoder", "logits")
"""A load may rearrange a tensor rightly, so it is no fault before its results are."""
_PARTS = ("weights", "scenarios")


def _loading(
    specimen: Specimen,
    place: str,
    change: Callable[[Pairs], Pairs],
    stages: Sequence[str] = _STAGE,
) -> Found:
    """The mutant that loads a checkpoint's tensors otherwise."""
    return place, stages, lambda: _reloaded(specimen, change)


@contextmanager
def _reloaded(specimen: Specimen, change: Callable[[Pairs], Pairs]) -> Iterator[None]:
    """Load the checkpoint anew, in the wrong way; all values are put back in the end."""
    model = specimen.model
    load = model.load_weights
    own = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}

    def wrong(weights: Any) -> Any:
        return load(change(iter(weights)))

    with ExitStack() as stack:
        stack.enter_context(overwritten(lambda: None, *own.values()))
        for parameter in _loaded_parameters(specimen):
            parameter.zero_()  # what is not loaded now must not be there from before
        stack.enter_context(patched(model, "load_weights", wrong))
        model.load_weights(read_tensors(specimen.files))
        yield


def _loaded_parameters(specimen: Specimen) -> list[torch.Tensor]:
    """The parameters whose values a load alone gives; others are computed from them, or padded."""
    if not specimen.loaded:
        parameters = dict(specimen.model.named_parameters())
        before = {name: value.detach().clone() for name, value in parameters.items()}
        with overwritten(
            lambda: [value.zero_() for value in parameters.values()], *parameters.values()
        ):
            specimen.model.load_weights(read_tensors(specimen.files))
            specimen.loaded = tuple(
                value for name, value in parameters.items() if value.equal(before[name])
            )
    return list(specimen.loaded)


def _alike(specimen: Specimen) -> Iterator[tuple[str, str]]:
    """Neighbours among the tensors of one shape."""
    by_shape: dict[tuple[int, ...], list[str]] = {}
    for name, shape in read_shapes(specimen.files).items():
        by_shape.setdefault(shape, []).append(name)
    for names in by_shape.values():
        yield from pairwise(sorted(names))


@operator("checkpoint tensor not loaded", _GROUP, parts=_PARTS)
def _dropped(specimen: Specimen) -> Iterator[Found]:
    for name in read_shapes(specimen.files):

        def change(weights: Pairs, name: str = name) -> Pairs:
            return ((found, tensor) for found, tensor in weights if found != name)

        yield _loading(specimen, name, change)


@operator("two checkpoint tensors exchanged", _GROUP, parts=_PARTS)
def _exchanged(specimen: Specimen) -> Iterator[Found]:
    for one, other in _alike(specimen):
        names = {one: other, other: one}

        def change(weights: Pairs, names: dict[str, str] = names) -> Pairs:
            return ((names.get(found, found), tensor) for found, tensor in weights)

        yield _loading(specimen, f"{one} + {other}", change)


@operator("checkpoint tensor loaded for two", _GROUP, parts=_PARTS)
def _doubled(specimen: Specimen) -> Iterator[Found]:
    """One tensor goes to its own place and to that of another, which goes nowhere."""
    for one, other in _alike(specimen):

        def change(weights: Pairs, one: str = one, other: str = other) -> Pairs:
            for found, tensor in weights:
                if found != other:
                    yield found, tensor
                if found == one:
                    yield other, tensor.clone()

        yield _loading(specimen, f"{one} + {other}", change)


def _altered(
    specimen: Specimen,
    alter: Callable[[torch.Tensor], torch.Tensor],
    wanted: Callable[[tuple[int, ...]], bool],
    stages: Sequence[str] = _STAGE,
) -> Iterator[Found]:
    for name, shape in read_shapes(specimen.files).items():
        if wanted(shape):

            def change(weights: Pairs, name: str = name) -> Pairs:
                return (
                    (found, alter(tensor) if found == name else tensor) for found, tensor in weights
                )

            yield _loading(specimen, name, change)


@operator("checkpoint tensor transposed", _GROUP, parts=_PARTS)
def _transposed(specimen: Specimen) -> Iterator[Found]:
    return _altered(
        specimen,
        lambda tensor: tensor.t().contiguous(),
        lambda shape: len(shape) == 2 and shape[0] == shape[1],
        _REARRANGED,
    )


@operator("half of a checkpoint tensor loaded", _GROUP, parts=_PARTS)
def _cut(specimen: Specimen) -> Iterator[Found]:
    def alter(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.clone()
        tensor[len(tensor) // 2 :] = 0
        return tensor

    return _altered(specimen, alter, lambda shape: bool(shape) and shape[0] > 1)


@operator("checkpoint tensor scaled on load", _GROUP, parts=_PARTS)
def _scaled(specimen: Specimen) -> Iterator[Found]:
    return _altered(specimen, lambda tensor: tensor * 2, lambda shape: True)
