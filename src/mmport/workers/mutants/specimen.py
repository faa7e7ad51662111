"""The right implementation that is mutated: its modules, and when each of them runs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .patches import patched

if TYPE_CHECKING:
    import torch
    from torch import nn

# What the engine calls on a model, and what is then being done.
_PHASES = {
    "embed_multimodal": "encoder",
    "embed_input_ids": "merge",
    "forward": "decoder",
    "compute_logits": "logits",
}


@dataclass(slots=True)
class Place:
    """A module where it stands in the model; a shared one has several places.

    `phase` is what the engine was doing when it ran first, empty if it never
    did. `begin` and `end` order the first calls of all places. The input and
    output are those of its first call, held while operators look for places.
    """

    path: str
    module: nn.Module
    phase: str = ""
    begin: int = -1
    end: int = -1
    input: Any = None
    output: Any = None
    arguments: tuple[str, ...] = ()
    in_tuple: bool = False
    """Whether it returns its output in a tuple."""

    @property
    def ran(self) -> bool:
        """Whether it was called."""
        return self.begin >= 0

    @property
    def parent(self) -> str:
        """The path of the module that holds it."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The name under which its parent holds it."""
        return self.path.rpartition(".")[2]


@dataclass(slots=True)
class Specimen:
    """What operators look at.

    `processors`: the engine's multimodal processors, each with its `info`.
    `files`: the checkpoint. `placeholder`: `[first, last]` positions of the
    first item in the prompt that is sent with one.
    """

    model: nn.Module
    dtype: torch.dtype
    processors: tuple[Any, ...] = ()
    files: tuple[Any, ...] = ()
    placeholder: tuple[int, int] = (0, 0)
    places: dict[str, Place] = field(default_factory=dict)
    loaded: tuple[torch.Tensor, ...] = ()
    """Parameters that a load of the checkpoint fills; found out when first asked for."""

    def watch(self, run: Callable[[], object]) -> None:
        """Find all places, and learn from one run what is called, when and with what."""
        self.places = {
            path: Place(path, module)
            for path, module in self.model.named_modules(remove_duplicate=False)
        }
        with _Watch(self.model, self.places).watching():
            run()

    def forget_values(self) -> None:
        """Let go of the tensors that the run left; all operators have looked."""
        for place in self.places.values():
            place.input = place.output = None

    def running(self) -> list[Place]:
        """The places that ran, but for the model itself, in the order of their calls."""
        ran = [place for place in self.places.values() if place.ran and place.path]
        return sorted(ran, key=lambda place: place.begin)

    def parent_of(self, place: Place) -> nn.Module:
        """The module that holds a place."""
        return self.places[place.parent].module

    def is_shared(self, place: Place) -> bool:
        """Whether the module stands in several places."""
        return sum(other.module is place.module for other in self.places.values()) > 1

    def phase_of(self, path: str) -> str:
        """What the engine does with a module; with its nearest parent that runs, if not it."""
        place = self.places.get(path)
        if place is not None and place.phase:
            return place.phase
        if place is not None and _is_head(place.module):
            return "logits"
        parent = path.rpartition(".")[0]
        return self.phase_of(parent) if path else ""

    def ends_encoder(self, path: str) -> bool:
        """Whether nothing with weights begins in the encoder after a place that has none."""
        place = self.places.get(path)
        if place is None or not place.ran or _owns_weights(place.module):
            return False
        return not any(
            other.begin > place.end and other.phase == place.phase and _owns_weights(other.module)
            for other in self.running()
        )

    def order(self) -> list[dict[str, Any]]:
        """The calls, for whoever wants to know what lies beside what."""
        return [
            {
                "path": place.path,
                "begin": place.begin,
                "end": place.end,
                "phase": place.phase,
                "weights": _owns_weights(place.module),
            }
            for place in self.running()
        ]


class _Watch:
    """Wraps every module and the engine's entries for one run."""

    def __init__(self, model: nn.Module, places: dict[str, Place]) -> None:
        self._model = model
        self._places = places
        self._stack: list[str] = []
        self._phases: list[str] = []
        self._clock = 0
        self._aliases: dict[int, list[str]] = {}
        for path, place in places.items():
            self._aliases.setdefault(id(place.module), []).append(path)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the calls inside the block."""
        with ExitStack() as wrapped:
            for module in {id(place.module): place.module for place in self._places.values()}:
                module = self._places[self._aliases[module][0]].module
                if module is not self._model:
                    wrapped.enter_context(patched(module, "forward", self._module(module)))
            for method, phase in _PHASES.items():
                if callable(getattr(self._model, method, None)):
                    entry = self._entry(getattr(self._model, method), phase)
                    wrapped.enter_context(patched(self._model, method, entry))
            yield

    def _entry(self, method: Callable[..., Any], phase: str) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            self._phases.append(phase)
            try:
                return method(*args, **kwargs)
            finally:
                self._phases.pop()

        return call

    def _module(self, module: nn.Module) -> Callable[..., Any]:
        from .calls import argument_names, first_floating, main_input

        forward = module.forward
        names = argument_names(forward)

        @functools.wraps(forward)
        def call(*args: Any, **kwargs: Any) -> Any:
            path = self._path(module)
            place = self._places[path]
            first = not place.ran
            self._clock += 1
            if first:
                place.begin, place.arguments = self._clock, names
                place.phase = self._phases[-1] if self._phases else ""
                place.input = main_input(names, args, kwargs)
            self._stack.append(path)
            try:
                value = forward(*args, **kwargs)
            finally:
                self._stack.pop()
            self._clock += 1
            if first:
                place.end, place.output = self._clock, first_floating(value)
                place.in_tuple = isinstance(value, tuple)
            return value

        return call

    def _path(self, module: nn.Module) -> str:
        """Of a shared module's places, the one below the module that calls it."""
        paths = self._aliases[id(module)]
        for caller in reversed(self._stack):
            below = [path for path in paths if path.startswith(f"{caller}.")]
            if below:
                return below[0]
        return paths[0]


def _owns_weights(module: nn.Module) -> bool:
    return any(True for _ in module.parameters(recurse=False))


def _is_head(module: nn.Module) -> bool:
    """Whether a module is vLLM's output embedding, which is never called itself."""
    return any("LMHead" in kind.__name__ for kind in type(module).__mro__)
