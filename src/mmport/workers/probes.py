"""Records what goes into a module and what comes out of it, on either side."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn


class Probe:
    """Collects the first input and the output of one module over several calls."""

    def __init__(self, module: nn.Module) -> None:
        self.inputs: list[torch.Tensor] = []
        self.outputs: list[torch.Tensor] = []
        self._paused = False
        self._handle = module.register_forward_hook(self._record, with_kwargs=True)

    def _record(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if self._paused:
            return
        value = args[0] if args else next(iter(kwargs.values()))
        self.inputs.append(_rows(value))
        self.outputs.append(_rows(output))

    def take(self) -> dict[str, torch.Tensor]:
        """Give what was recorded since the last call, as rows, and forget it."""
        import torch

        taken = {
            kind: torch.cat(rows)
            for kind, rows in (("input", self.inputs), ("output", self.outputs))
            if rows
        }
        self.inputs, self.outputs = [], []
        return taken

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Record nothing inside the block."""
        self._paused = True
        try:
            yield
        finally:
            self._paused = False

    def close(self) -> None:
        """Stop recording."""
        self._handle.remove()


def find_module(model: nn.Module, path: str) -> nn.Module:
    """Find a module by its attribute path, or by the one path that ends in it.

    HF keeps the parts of a VLM one level deeper than a port does.

    Raises:
        LookupError: no module ends in `path`, or several do.
    """
    modules = dict(model.named_modules())
    if path in modules:
        return modules[path]
    found = [name for name in modules if name.endswith(f".{path}")]
    if len(found) != 1:
        raise LookupError(f"{len(found)} modules end in {path!r}: {found[:3]}")
    return modules[found[0]]


def tied_parameters(model: nn.Module) -> dict[str, str]:
    """Names that share a parameter with an earlier name: tied weights."""
    first: dict[int, str] = {}
    aliases = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        known = first.setdefault(id(parameter), name)
        if known != name:
            aliases[name] = known
    return aliases


def _rows(value: Any) -> torch.Tensor:
    """Flatten to rows of features: how items are batched is each side's affair."""
    while isinstance(value, (tuple, list)):
        value = value[0]
    rows: torch.Tensor = value.detach().float().cpu()
    return rows.reshape(-1, rows.shape[-1])
