"""Changes of a loaded model that are taken back at the end of a block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

_ABSENT = object()


@contextmanager
def patched(holder: Any, name: str, value: Any) -> Iterator[None]:
    """Set an attribute on an object itself, whatever its class has of that name."""
    own = vars(holder).get(name, _ABSENT)
    setattr(holder, name, value)
    try:
        yield
    finally:
        if own is _ABSENT:
            delattr(holder, name)
        else:
            setattr(holder, name, own)


@contextmanager
def overwritten(change: Callable[[], object], *tensors: torch.Tensor) -> Iterator[None]:
    """Let `change` write into tensors; they get their values back, bit by bit."""
    import torch

    with torch.no_grad():
        before = [tensor.detach().clone() for tensor in tensors]
        try:
            change()
            yield
        finally:
            for tensor, value in zip(tensors, before, strict=True):
                tensor.copy_(value)


@contextmanager
def replaced(parent: nn.Module, name: str, module: nn.Module) -> Iterator[None]:
    """Put another module in the place of one; a list's elements have numbers for names."""
    own = parent._modules[name]
    parent._modules[name] = module
    try:
        yield
    finally:
        parent._modules[name] = own


@contextmanager
def rewired(module: nn.Module, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Any:
    """Replace a module's `forward` by what `make` makes of it."""
    with patched(module, "forward", make(module.forward)):
        yield


def patched_alike(
    holders: Iterable[Any], name: str, make: Callable[[Any], Any]
) -> AbstractContextManager[Any]:
    """Put in place of each holder's attribute what `make` makes of it."""
    stack = ExitStack()
    for holder in holders:
        stack.enter_context(patched(holder, name, make(getattr(holder, name))))
    return stack
