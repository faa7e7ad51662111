"""Faults of whole layers: skipped, run twice, exchanged, without their residual."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .calls import has_residual, main_input, residual_of, with_first
from .patches import replaced, rewired
from .registry import Found, operator, stages_of
from .specimen import Place, Specimen

if TYPE_CHECKING:
    import torch

    Forward = Callable[..., Any]
    Make = Callable[[Place, Forward], Forward]

_GROUP = "layers"


def _stacks(specimen: Specimen) -> list[list[Place]]:
    """The lists of layers that hand on what they are given, each in the order of its run."""
    lists: dict[str, list[Place]] = {}
    for place in specimen.running():
        takes = place.input is not None and place.output is not None
        if place.name.isdigit() and takes and place.input.shape == place.output.shape:
            lists.setdefault(place.parent, []).append(place)
    return [
        [place for place in layers if type(place.module) is type(layers[0].module)]
        for layers in lists.values()
        if any(True for _ in layers[0].module.children())
    ]


def _layers(specimen: Specimen) -> Iterator[Place]:
    return (place for layers in _stacks(specimen) for place in layers)


def _each(specimen: Specimen, places: Iterator[Place], make: Make) -> Iterator[Found]:
    for place in places:

        def apply(place: Place = place) -> Any:
            return rewired(place.module, lambda forward: make(place, forward))

        yield place.path, stages_of(specimen, place.path), apply


def _passing(place: Place, forward: Forward) -> Forward:
    """Hand on what came in, in the form of what would have gone out."""

    def call(*args: Any, **kwargs: Any) -> Any:
        import torch

        value = main_input(place.arguments, args, kwargs)
        assert value is not None  # noqa: S101 - it had one when it was watched
        if "residual" in place.arguments:
            residual = residual_of(place.arguments, args, kwargs)
            return (torch.zeros_like(value), value) if residual is None else (value, residual)
        return (value,) if place.in_tuple else value

    return call


def _twice(place: Place, forward: Forward) -> Forward:
    def call(*args: Any, **kwargs: Any) -> Any:
        once = forward(*args, **kwargs)
        if has_residual(once) and "residual" in place.arguments:
            names = list(place.arguments)
            given = dict(zip(names, args, strict=False)) | kwargs
            main = next(name for name in ("hidden_states", "x") if name in given)
            return forward(**given | {main: once[0], "residual": once[1]})
        return with_first(
            once, lambda value: _first(forward(*_again(args, value), **_by_name(kwargs, value)))
        )

    return call


def _again(args: tuple[Any, ...], value: torch.Tensor) -> tuple[Any, ...]:
    return (value, *args[1:]) if args else args


def _by_name(kwargs: dict[str, Any], value: torch.Tensor) -> dict[str, Any]:
    return {
        name: value if name in ("hidden_states", "x", "inputs_embeds") else given
        for name, given in kwargs.items()
    }


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, tuple) else value


def _residual_times(share: float) -> Make:
    """A layer whose input goes past it `share` times more than it should."""

    def make(place: Place, forward: Forward) -> Forward:
        def call(*args: Any, **kwargs: Any) -> Any:
            came = main_input(place.arguments, args, kwargs)
            residual = residual_of(place.arguments, args, kwargs)
            assert came is not None  # noqa: S101 - it had one when it was watched
            came = came.clone() if residual is None else came + residual
            value = forward(*args, **kwargs)
            if has_residual(value) and "residual" in place.arguments:
                return value[0], value[1] + share * came
            return with_first(value, lambda out: out + share * came)

        return call

    return make


@operator("layer skipped", _GROUP)
def _skip(specimen: Specimen) -> Iterator[Found]:
    return _each(specimen, _layers(specimen), _passing)


@operator("feature layer one earlier", _GROUP)
def _earlier(specimen: Specimen) -> Iterator[Found]:
    last = (layers[-1] for layers in _stacks(specimen) if layers[-1].phase == "encoder")
    return _each(specimen, last, _passing)


@operator("feature layer one later", _GROUP)
def _later(specimen: Specimen) -> Iterator[Found]:
    """One layer more than is built, which is the last one again."""
    last = (layers[-1] for layers in _stacks(specimen) if layers[-1].phase == "encoder")
    return _each(specimen, last, _twice)


@operator("layer run twice", _GROUP)
def _run_twice(specimen: Specimen) -> Iterator[Found]:
    return _each(specimen, _layers(specimen), _twice)


@operator("residual left out", _GROUP)
def _no_residual(specimen: Specimen) -> Iterator[Found]:
    return _each(specimen, _layers(specimen), _residual_times(-1.0))


@operator("residual added twice", _GROUP)
def _double_residual(specimen: Specimen) -> Iterator[Found]:
    return _each(specimen, _layers(specimen), _residual_times(1.0))


@operator("two layers exchanged", _GROUP)
def _exchange(specimen: Specimen) -> Iterator[Found]:
    for layers in _stacks(specimen):
        for first, second in pairwise(layers):

            def apply(first: Place = first, second: Place = second) -> Any:
                parent, stack = specimen.parent_of(first), ExitStack()
                stack.enter_context(replaced(parent, first.name, second.module))
                stack.enter_context(replaced(parent, second.name, first.module))
                return stack

            yield first.path, stages_of(specimen, first.path), apply


@operator("branch of a layer left out", _GROUP)
def _skip_branch(specimen: Specimen) -> Iterator[Found]:
    """Attention or feed-forward network of a layer adds nothing."""
    layers = {place.path for place in _layers(specimen)}

    def branches() -> Iterator[Place]:
        for place in specimen.running():
            compound = any(True for _ in place.module.children())
            if place.parent in layers and compound and place.output is not None:
                yield place

    def make(place: Place, forward: Forward) -> Forward:
        return lambda *args, **kwargs: with_first(forward(*args, **kwargs), lambda out: out * 0)

    return _each(specimen, branches(), make)
