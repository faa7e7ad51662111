"""Faults of modules that compute: norms, activations, and whatever comes out of any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .calls import residual_of, with_first
from .patches import patched, replaced, rewired
from .registry import Apply, Found, operator, stages_of
from .specimen import Place, Specimen

if TYPE_CHECKING:
    import torch

    Forward = Callable[..., Any]
    Change = Callable[[torch.Tensor], torch.Tensor]

_NORMS = "norms"
_ACTIVATIONS = "activations"
_OUTPUTS = "outputs"
_EPSILONS = ("variance_epsilon", "eps", "epsilon", "norm_eps", "layer_norm_eps")
_LIKELY_EPSILON = 1e-5
_OTHER_EPSILON = 1e-6


def _norms(specimen: Specimen) -> Iterator[Place]:
    """Places that keep the form of what they norm: what norms pixels alone is none of them."""
    for place in specimen.running():
        flows = place.input is not None and place.output is not None
        is_norm = "norm" in type(place.module).__name__.lower()
        if is_norm and flows and place.input.shape == place.output.shape:
            yield place


def _of_norms(specimen: Specimen, make: Callable[[Place, Forward], Forward]) -> Iterator[Found]:
    for place in _norms(specimen):

        def apply(place: Place = place) -> Any:
            return rewired(place.module, lambda forward: make(place, forward))

        yield place.path, stages_of(specimen, place.path), apply


def _epsilons(specimen: Specimen, change: Callable[[float], float]) -> Iterator[Found]:
    for place in _norms(specimen):
        for name in _EPSILONS:
            value = vars(place.module).get(name)
            if isinstance(value, float):
                apply = _set(place.module, name, change(value))
                yield place.path, ("weights", *stages_of(specimen, place.path)), apply
                break


def _set(holder: object, name: str, value: object) -> Apply:
    return lambda: patched(holder, name, value)


@operator("epsilon of a norm as in another library", _NORMS)
def _other_epsilon(specimen: Specimen) -> Iterator[Found]:
    return _epsilons(
        specimen, lambda value: _OTHER_EPSILON if value >= _LIKELY_EPSILON else _LIKELY_EPSILON
    )


@operator("epsilon of a norm too large", _NORMS)
def _large_epsilon(specimen: Specimen) -> Iterator[Found]:
    return _epsilons(specimen, lambda value: 1e-3)


@operator("norm skipped", _NORMS)
def _skip_norm(specimen: Specimen) -> Iterator[Found]:
    def make(place: Place, forward: Forward) -> Forward:
        def call(*args: Any, **kwargs: Any) -> Any:
            residual = residual_of(place.arguments, args, kwargs)
            value = args[0] if args else next(iter(kwargs.values()))
            if residual is None:
                return value
            both = value + residual
            return both, both.clone()

        return call

    return _of_norms(specimen, make)


@operator("norm applied twice", _NORMS)
def _norm_twice(specimen: Specimen) -> Iterator[Found]:
    def make(place: Place, forward: Forward) -> Forward:
        return lambda *args, **kwargs: with_first(forward(*args, **kwargs), forward)

    return _of_norms(specimen, make)


@operator("norm of the other kind", _NORMS)
def _other_norm(specimen: Specimen) -> Iterator[Found]:
    """The mean subtracted where it is not, and left where it is."""

    def make(place: Place, forward: Forward) -> Forward:
        def centre(value: torch.Tensor) -> torch.Tensor:
            return value - value.mean(-1, keepdim=True)

        def as_rms(value: torch.Tensor) -> torch.Tensor:
            epsilon = getattr(place.module, "eps", _LIKELY_EPSILON)
            value = value * (value.square().mean(-1, keepdim=True) + epsilon).rsqrt()
            weight, bias = place.module.weight, place.module.bias
            value = value if weight is None else value * weight
            result: torch.Tensor = value if bias is None else value + bias
            return result

        def call(*args: Any, **kwargs: Any) -> Any:
            if "LayerNorm" in type(place.module).__name__ and hasattr(place.module, "bias"):
                return as_rms(args[0] if args else next(iter(kwargs.values())))
            if residual_of(place.arguments, args, kwargs) is not None or not args:
                return with_first(forward(*args, **kwargs), centre)
            return forward(centre(args[0]), *args[1:], **kwargs)

        return call

    return _of_norms(specimen, make)


@operator("norm after a module and not before it", _NORMS)
def _norm_after(specimen: Specimen) -> Iterator[Found]:
    """The norm does nothing where it stood, and is applied to what comes after."""
    running = specimen.running()
    for norm in _norms(specimen):
        taker = next(
            (
                place
                for place in running
                if place.begin > norm.end
                and place.parent == norm.parent
                and place.input is not None
                and norm.output is not None
                and place.input.data_ptr() == norm.output.data_ptr()
                and place.output is not None
                and place.output.shape[-1:] == norm.output.shape[-1:]
            ),
            None,
        )
        if taker is None:
            continue

        def apply(norm: Place = norm, taker: Place = taker) -> Any:
            return _moved(norm, taker)

        yield norm.path, stages_of(specimen, norm.path), apply


def _moved(norm: Place, taker: Place) -> Any:
    from contextlib import ExitStack

    normed = norm.module.forward

    def before(*args: Any, **kwargs: Any) -> Any:
        residual = residual_of(norm.arguments, args, kwargs)
        value = args[0] if args else next(iter(kwargs.values()))
        if residual is None:
            return value
        both = value + residual
        return both, both.clone()

    def after(forward: Forward) -> Forward:
        return lambda *args, **kwargs: with_first(forward(*args, **kwargs), normed)

    stack = ExitStack()
    stack.enter_context(patched(norm.module, "forward", before))
    stack.enter_context(rewired(taker.module, after))
    return stack


def _functions() -> dict[str, Change]:
    import torch
    from torch.nn import functional

    return {
        "gelu": functional.gelu,
        "tanh gelu": lambda value: functional.gelu(value, approximate="tanh"),
        "quick gelu": lambda value: value * torch.sigmoid(1.702 * value),
        "relu": functional.relu,
        "silu": functional.silu,
    }


def _activations(specimen: Specimen) -> Iterator[tuple[Place, bool]]:
    """Places of weightless modules that work element by element, and whether on halves."""
    for place in specimen.running():
        sources = (type(place.module).__module__, type(place.module).__name__.lower())
        if "activation" not in sources[0] and not sources[1].endswith(("gelu", "silu", "relu")):
            continue
        if place.input is None or place.output is None:
            continue
        yield place, place.output.shape[-1] * 2 == place.input.shape[-1]


def _other_activation(specimen: Specimen, name: str) -> Iterator[Found]:
    import torch
    from torch import nn

    function = _functions()[name]

    def on_halves(value: torch.Tensor) -> torch.Tensor:
        gate, up = value.chunk(2, dim=-1)
        return function(gate) * up

    for place, halves in _activations(specimen):
        other = nn.Identity()
        other.forward = on_halves if halves else function
        if torch.allclose(other(place.input), place.output, atol=1e-6):
            continue  # it is this one

        def apply(place: Place = place, other: nn.Module = other) -> Any:
            return replaced(specimen.parent_of(place), place.name, other)

        yield place.path, stages_of(specimen, place.path), apply


def _enter_activations() -> None:
    for name in ("gelu", "tanh gelu", "quick gelu", "relu", "silu"):

        def find(specimen: Specimen, name: str = name) -> Iterator[Found]:
            return _other_activation(specimen, name)

        operator(f"activation {name} for another", _ACTIVATIONS)(find)


_enter_activations()


def _outputs(
    specimen: Specimen, change: Change, wanted: Callable[[Place], bool] = lambda place: True
) -> Iterator[Found]:
    """Mutants that change what a module hands on; those that stand in one place only."""
    for place in specimen.running():
        if place.output is None or specimen.is_shared(place) or not wanted(place):
            continue

        def apply(place: Place = place) -> Any:
            def make(forward: Forward) -> Forward:
                return lambda *args, **kwargs: with_first(forward(*args, **kwargs), change)

            return rewired(place.module, make)

        yield place.path, stages_of(specimen, place.path), apply


@operator("output through bfloat16", _OUTPUTS)
def _cast_output(specimen: Specimen) -> Iterator[Found]:
    import torch

    if specimen.dtype is not torch.bfloat16:
        yield from _outputs(specimen, lambda value: value.bfloat16().to(value))


@operator("output off by 1%", _OUTPUTS)
def _scale_output(specimen: Specimen) -> Iterator[Found]:
    return _outputs(specimen, lambda value: value * 1.01)


@operator("one element of an output is no number", _OUTPUTS)
def _nan_output(specimen: Specimen) -> Iterator[Found]:
    import torch

    def change(value: torch.Tensor) -> torch.Tensor:
        value = value.clone(memory_format=torch.contiguous_format)
        value.view(-1)[value.numel() // 2] = float("nan")
        return value

    return _outputs(specimen, change)


@operator("one element of an output is off", _OUTPUTS)
def _spike(specimen: Specimen) -> Iterator[Found]:
    import torch

    def change(value: torch.Tensor) -> torch.Tensor:
        value = value.clone(memory_format=torch.contiguous_format)
        value.view(-1)[value.numel() // 2] += 0.1 * value.abs().max()
        return value

    return _outputs(specimen, change)


@operator("dropout left on", _OUTPUTS)
def _dropout(specimen: Specimen) -> Iterator[Found]:
    import torch

    def change(value: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        kept = torch.rand(value.shape, generator=generator) > 0.05
        return value * kept.to(value) / 0.95

    return _outputs(specimen, change)


@operator("rows of an output shifted by one", _OUTPUTS)
def _shift_rows(specimen: Specimen) -> Iterator[Found]:
    def change(value: torch.Tensor) -> torch.Tensor:
        return value.roll(1, dims=-2)

    return _outputs(specimen, change, lambda place: place.output.ndim >= 2)


@operator("neighbours in a batch mixed", _OUTPUTS, scenarios=("items",))
def _contaminate(specimen: Specimen) -> Iterator[Found]:
    """A little of the item before it in each item of a batch; an item alone is right."""

    def change(value: torch.Tensor) -> torch.Tensor:
        return value + 0.05 * (value.roll(1, dims=0) - value)

    def wanted(place: Place) -> bool:
        return place.phase == "encoder" and place.output.ndim >= 3

    return _outputs(specimen, change, wanted)
