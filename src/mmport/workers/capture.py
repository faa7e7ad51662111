"""Records what goes into and comes out of every module that has weights, on either side.

The record is two files. `tensors.bin` holds the values, one after the other, in
the dtype they had. `calls.jsonl` has a line for each call, in the order in which
the calls began:

    {"module": path, "call": which call of this module, "caller": "file.py:LINE",
     "inputs": [tensor, …], "outputs": [tensor, …]}

with a tensor as `{"name", "dtype", "shape", "offset"}`. Values are written as
they come, so a record costs no memory.
"""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

    Tensors = list[tuple[str, torch.Tensor]]

# Names that have a meaning of their own, whatever the model. vLLM's blocks hand
# the residual on beside the hidden states; the two are one value, not yet added.
_RESIDUAL = "residual"
_EMBEDDINGS = "inputs_embeds"
_POSITIONS = ("positions", "position_ids")

# Frames between a module and the line of its parent's code that called it.
_PLUMBING = (
    "torch/nn/modules/module.py",
    "torch/nn/modules/container.py",
    "torch/utils/_contextlib.py",
    "transformers/modeling_layers.py",
    "transformers/utils/generic.py",
    "transformers/utils/output_capturing.py",
    "vllm/compilation/decorators.py",
    "vllm/model_executor/custom_op.py",
    "mmport/workers/capture.py",
)
_EPSILONS = ("eps", "variance_epsilon", "epsilon", "norm_eps", "layer_norm_eps")


class Recorder:
    """Wraps the modules of a model; records while it is told to.

    Wrapped are the modules that own a parameter, those of `also`, and the
    model itself. It is their `forward` that is wrapped and not a hook that is
    set: vLLM's compiled classes call their `forward` past torch's hooks.
    """

    def __init__(self, model: nn.Module, also: tuple[str, ...] = ()) -> None:
        self._sink: _Sink | None = None
        for path, module in model.named_modules():
            owns = any(True for _ in module.parameters(recurse=False))
            if owns or not path or path in also:
                module.forward = self._recorded(path, module)

    def _recorded(self, path: str, module: nn.Module) -> Callable[..., Any]:
        forward = module.forward
        names = _argument_names(module)

        @functools.wraps(forward)  # transformers looks at its signature
        def call(*args: Any, **kwargs: Any) -> Any:
            sink = self._sink
            if sink is None:
                return forward(*args, **kwargs)
            number = sink.begin(path, _inputs(module, names, args, kwargs), _caller())
            value = forward(*args, **kwargs)
            sink.end(number, _outputs(module, value))
            if not path:
                self._sink = None  # the prompt is through; what follows are single tokens
            return value

        return call

    @contextmanager
    def recording(self, folder: Path) -> Iterator[None]:
        """Record the calls inside the block, up to the end of the model's first pass."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "tensors.bin").open("wb") as tensors:
            sink = self._sink = _Sink(tensors)
            try:
                yield
            finally:
                self._sink = None
        lines = [json.dumps(call) for call in sink.calls if "outputs" in call]
        temporary = folder / ".calls.jsonl"
        temporary.write_text("\n".join(lines), encoding="utf-8")
        temporary.replace(folder / "calls.jsonl")


class _Sink:
    """The files of one recording."""

    def __init__(self, tensors: IO[bytes]) -> None:
        self.calls: list[dict[str, Any]] = []
        self._tensors = tensors
        self._counts: Counter[str] = Counter()

    def begin(self, path: str, inputs: Tensors, caller: str) -> int:
        entry = {
            "module": path,
            "call": self._counts[path],
            "caller": caller,
            "inputs": [self._write(name, tensor) for name, tensor in inputs],
        }
        self._counts[path] += 1
        self.calls.append(entry)
        return len(self.calls) - 1

    def end(self, number: int, outputs: Tensors) -> None:
        self.calls[number]["outputs"] = [self._write(name, tensor) for name, tensor in outputs]

    def _write(self, name: str, tensor: torch.Tensor) -> dict[str, Any]:
        import torch

        value = tensor.detach().contiguous().cpu()
        offset = self._tensors.tell()
        self._tensors.write(value.reshape(-1).view(torch.uint8).numpy().tobytes())
        dtype = str(value.dtype).removeprefix("torch.")
        return {"name": name, "dtype": dtype, "shape": list(value.shape), "offset": offset}


def describe_modules(model: nn.Module) -> dict[str, dict[str, Any]]:
    """Say of each module with weights below it: class, where its code is, its epsilon."""
    described: dict[str, dict[str, Any]] = {}
    for path, module in model.named_modules():
        if next(module.parameters(), None) is None:
            continue
        described[path] = {"kind": type(module).__name__, "source": _source(type(module))}
        epsilons = [value for name in _EPSILONS if _is_number(value := getattr(module, name, None))]
        if epsilons:
            described[path]["eps"] = epsilons[0]
    return described


def find_language_model(model: nn.Module) -> tuple[str, ...]:
    """The path of what a class of vLLM calls with positions, if it says which part that is."""
    try:
        language_model = model.get_language_model()
    except Exception:  # older classes have no such method, or one that gives nothing
        return ()
    return tuple(
        path for path, module in model.named_modules() if path and module is language_model
    )


def find_decoder(model: nn.Module) -> str:
    """The path of the HF language model without its head: it is called with embeddings.

    The outermost module that is made from the text's config; where that is the
    whole model's config, the innermost that holds the embeddings and layers.
    """
    embeddings = model.get_input_embeddings()
    holders: list[tuple[str, Any]] = [
        (path, module)
        for path, module in model.named_modules()
        if any(part is embeddings for part in module.modules()) and module is not embeddings
    ]
    text: Any = model.config.get_text_config()
    if text is not model.config:
        for path, module in holders:
            if getattr(module, "config", None) is text and _takes_embeddings(module):
                return path
    takers = [path for path, module in holders if _takes_embeddings(module)]
    return takers[-1] if takers else ""


def _takes_embeddings(module: nn.Module) -> bool:
    return _EMBEDDINGS in inspect.signature(module.forward).parameters


def _argument_names(module: nn.Module) -> list[str]:
    """Names of what a module is called with; vLLM's custom operations keep them elsewhere."""
    for method in ("forward", "forward_native"):
        function = getattr(module, method, None)
        if function is None:
            continue
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            continue
        if all(parameter.kind is not parameter.VAR_POSITIONAL for parameter in parameters):
            return [parameter.name for parameter in parameters]
    return []


def _inputs(
    module: nn.Module, names: list[str], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Tensors:
    """The first tensor that goes in, and those that have a meaning by their name."""
    import torch

    given = dict(zip(names, args, strict=False)) | dict(kwargs)
    if not names:
        given |= {str(place): value for place, value in enumerate(args)}
    tensors = {name: value for name, value in given.items() if isinstance(value, torch.Tensor)}
    kept = [(name, tensors[name]) for name in (*_POSITIONS, _EMBEDDINGS) if name in tensors]
    floating = [name for name, value in tensors.items() if value.is_floating_point()]
    main = next((name for name in floating if name not in (_RESIDUAL, _EMBEDDINGS)), None)
    if main is not None:
        value = _channels_last(module, tensors[main], "in_channels")
        kept.append(("input", value))
        if _RESIDUAL in floating:
            kept.append((_RESIDUAL, tensors[_RESIDUAL]))
    return kept


def _outputs(module: nn.Module, value: Any) -> Tensors:
    """The tensor that comes out, or the first of several: a bias or residual comes second."""
    import torch

    parts = value.values() if isinstance(value, Mapping) else value
    if isinstance(value, torch.Tensor):
        parts = (value,)
    if not isinstance(value, (torch.Tensor, Mapping, tuple, list)):
        return []
    first = next((part for part in parts if isinstance(part, torch.Tensor)), None)
    return [] if first is None else [("output", _channels_last(module, first, "out_channels"))]


def _channels_last(module: nn.Module, value: torch.Tensor, channels: str) -> torch.Tensor:
    """Put the channels of a convolution last, where those of other modules are."""
    count = getattr(module, channels, None)
    is_convolution = count is not None and hasattr(module, "kernel_size")
    if is_convolution and value.ndim > 2 and value.shape[1] == count:
        return value.movedim(1, -1)
    return value


def _caller() -> str:
    """The line of code that called the module: of its parent, not of torch."""
    frame = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename.replace("\\", "/")
        if not name.endswith(_PLUMBING):
            return f"{_short(name)}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return ""


def _source(kind: type) -> str:
    """Where the computation of a class stands."""
    # vLLM's custom operations have a `forward` that only chooses between kernels.
    return code_place(getattr(kind, "forward_native", None) or getattr(kind, "forward", None))


def code_place(function: Any) -> str:
    """Where the code of a function stands: `package/file.py:FIRST-LAST`; empty if nowhere."""
    try:
        lines, first = inspect.getsourcelines(function)
        name = inspect.getsourcefile(function) or ""
    except (OSError, TypeError):
        return ""
    return f"{_short(name)}:{first}-{first + len(lines) - 1}"


def _short(name: str) -> str:
    """A path from its package on: where an environment lies is nobody's business."""
    name = name.replace("\\", "/")
    for root in ("/site-packages/", "/dist-packages/"):
        if root in name:
            return name.rpartition(root)[2]
    return "/".join(name.split("/")[-2:])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
