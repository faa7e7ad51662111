"""Records the features that a model makes of its items, whatever the model is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

HF_METHODS = ("get_image_features", "get_video_features", "get_audio_features")
VLLM_METHODS = ("embed_multimodal", "get_multimodal_embeddings")
"""Of one release is the one, of older ones the other."""
MAIN_PARTS = ("pooler_output", "last_hidden_state")
"""Where a structure has the features among an encoder's other outputs."""


class _Enough(Exception):
    """Ends a run that has come to what is wanted of it."""


class FeatureTap:
    """Collects what the outermost calls of a model's feature methods return.

    A model's method calls that of its base model, and the one for videos may
    call the one for images: only the outermost counts.
    """

    def __init__(self, model: Any, methods: Sequence[str]) -> None:
        self.calls: list[torch.Tensor] = []
        self._depth = 0
        self._paused = False
        self._wanted: str | None = None
        self._found: tuple[str, Any] | None = None
        self._instead: Mapping[str, Callable[[Any], Any]] = {}
        for module in model.modules():
            for method in methods:
                if callable(getattr(type(module), method, None)):
                    setattr(module, method, self._tapped(method, getattr(module, method)))

    def _tapped(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)  # transformers looks at its signature
        def call(*args: Any, **kwargs: Any) -> Any:
            self._depth += 1
            try:
                value = method(*args, **kwargs)
            finally:
                self._depth -= 1
            if self._depth:
                return value
            if self._wanted in ("", name):
                self._found = (name, value)
                raise _Enough
            if name in self._instead:
                value = self._instead[name](value)
            if not self._paused and self._wanted is None:
                self.calls += feature_rows(value)
            return value

        return call

    def take(self) -> list[torch.Tensor]:
        """Give what was recorded since the last call, each as rows, and forget it."""
        taken, self.calls = self.calls, []
        return taken

    def first(self, run: Callable[[], Any], name: str = "") -> tuple[str, Any] | None:
        """Run as far as the first outermost call, of a method if that is named.

        Returns:
            The method's name, and what it gave; None where nothing called it.
        """
        self._wanted, self._found = name, None
        try:
            run()
        except _Enough:
            pass
        finally:
            self._wanted = None
        return self._found

    @contextmanager
    def changed(self, changes: Mapping[str, Callable[[Any], Any]]) -> Iterator[None]:
        """Inside the block, have methods give what these, by name, make of their values."""
        self._instead = changes
        try:
            yield
        finally:
            self._instead = {}

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Record nothing inside the block."""
        self._paused = True
        try:
            yield
        finally:
            self._paused = False


def feature_rows(value: Any) -> list[torch.Tensor]:
    """Find the features in what a feature method returned, as float32 rows.

    They are a tensor, a sequence of one an item, or the main part of a
    structure that holds the encoder's other outputs too.
    """
    import torch

    if isinstance(value, torch.Tensor):
        if not value.ndim or not value.is_floating_point():
            return []
        return [value.detach().float().cpu().reshape(-1, value.shape[-1])]
    for name in MAIN_PARTS:
        part = getattr(value, name, None)
        if part is not None:
            return feature_rows(part)
    if not isinstance(value, (tuple, list)) or not value:
        return []
    if all(isinstance(item, torch.Tensor) and item.is_floating_point() for item in value) and (
        len({item.shape[-1] for item in value if item.ndim}) == 1
    ):
        return [rows for item in value for rows in feature_rows(item)]
    return feature_rows(value[0])
