"""Reads the arguments and the results of modules, whatever their form."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_RESIDUAL = "residual"
_MAIN = ("hidden_states", "x", "inputs_embeds", "input")


def argument_names(forward: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's arguments; none where they cannot be read.

    vLLM's operators hand on whatever they are given to one of several forms,
    which all have the arguments of the plainest.
    """
    try:
        names = tuple(inspect.signature(forward).parameters)
    except (TypeError, ValueError):
        return ()
    method = inspect.unwrap(forward)
    plainest = getattr(getattr(method, "__self__", None), "forward_native", None)
    return argument_names(plainest) if names == ("args", "kwargs") and plainest else names


def given(names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What a call gives to each argument."""
    by_place = {
        names[place] if place < len(names) else str(place): v for place, v in enumerate(args)
    }
    return by_place | dict(kwargs)


def main_input(
    names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> torch.Tensor | None:
    """The tensor that flows through: hidden states, or else the first that is no integer."""
    arguments = given(names, args, kwargs)
    floating = {name: value for name, value in arguments.items() if is_floating(value)}
    named = (floating[name] for name in _MAIN if name in floating)
    rest = (value for name, value in floating.items() if name != _RESIDUAL)
    return next(named, next(rest, None))


def residual_of(
    names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> torch.Tensor | None:
    """The residual that a call of vLLM's blocks and norms brings along."""
    value = given(names, args, kwargs).get(_RESIDUAL)
    return value if is_floating(value) else None


def first_floating(value: Any) -> torch.Tensor | None:
    """The tensor that a module hands on: its output, or the first part of it."""
    if is_floating(value):
        tensor: torch.Tensor = value
        return tensor
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return next((part for part in value if is_floating(part)), None)
    return None


def with_first(value: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """Change the tensor that `first_floating` finds, and hand on all else as it is."""
    if is_floating(value):
        return change(value)
    if isinstance(value, (tuple, list)):
        parts = list(value)
        for place, part in enumerate(parts):
            if is_floating(part):
                parts[place] = change(part)
                break
        return type(value)(parts) if not hasattr(value, "_fields") else type(value)(*parts)
    if isinstance(value, Mapping):
        for name, part in value.items():
            if is_floating(part):
                value[name] = change(part)  # type: ignore[index]
                break
    return value


def is_floating(value: Any) -> bool:
    """Whether a value is a tensor of real numbers."""
    import torch

    return isinstance(value, torch.Tensor) and value.is_floating_point()


def has_residual(value: Any) -> bool:
    """Whether a result is vLLM's pair of hidden states and a residual not yet added."""
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(is_floating(part) for part in value)
        and value[0].shape == value[1].shape
    )
