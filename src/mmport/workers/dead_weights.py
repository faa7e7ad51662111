"""Which tensors of a checkpoint have no bearing on what HF computes."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .weight_rows import Run


def find_unused_tensors(
    ignored: Sequence[str], sources: Mapping[str, Sequence[Run]], idle: Collection[str]
) -> list[str]:
    """List checkpoint tensors that HF ignores, or that went into idle parameters alone.

    A tower runs deeper than the feature layer that is taken from it, and ends
    in norms and heads that nobody asks for. A tensor whose parameter cannot be
    told counts as used.

    Args:
        ignored: tensors that HF said it did not expect.
        sources: by parameter, where its rows came from.
        idle: parameters without a part in what the model computes.
    """
    holders: dict[str, list[str]] = defaultdict(list)
    for parameter, runs in sources.items():
        for _, tensor, _, _ in runs:
            holders[tensor].append(parameter)
    return [
        *ignored,
        *(tensor for tensor, found in holders.items() if all(name in idle for name in found)),
    ]


def takes_pixels_alone(model: Any) -> bool:
    """Tell whether a model makes features of pixel values and nothing else.

    Some want sizes beside; an old transformers has no method for it.
    """
    method = getattr(model, "get_image_features", None)
    if method is None:
        return False
    parameters = inspect.signature(method).parameters.values()
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [
        one.name for one in parameters if one.default is one.empty and one.kind not in variable
    ]
    return needed in (["pixel_values"], [])


def without_part_in(model: Any, image_shape: Sequence[int]) -> set[str]:
    """Find parameters of the encoder's side that its features do not depend on.

    The gradient of the features tells: a parameter without one has no part in
    them. It is found on the meta device, so the model's size does not matter.

    Args:
        model: the loaded HF model.
        image_shape: of one image's pixel values: channels, height, width.
    """
    import torch

    with torch.device("meta"):
        shadow = type(model)(model.config)
    pixels = torch.zeros((1, *image_shape), device="meta", dtype=shadow.dtype)
    features = shadow.get_image_features(pixel_values=pixels)
    features = getattr(features, "pooler_output", features)
    torch.stack([item.sum() for item in features]).sum().backward()
    # Only the encoder can be judged so: the language model was not run.
    encoder = tuple(
        f"{name}." for name, module in shadow.named_modules() if _is_encoder(name, module, shadow)
    )
    return {name for name in parameters_without_gradient(shadow) if name.startswith(encoder)}


def parameters_without_gradient(model: Any) -> set[str]:
    """Name the parameters that the last backward pass did not reach."""
    return {name for name, parameter in model.named_parameters() if parameter.grad is None}


def _is_encoder(name: str, module: Any, model: Any) -> bool:
    """Tell whether a module has part in the features, and not all of the model has."""
    gradients = [parameter.grad is not None for parameter in module.parameters()]
    holds_embeddings = any(part is model.get_input_embeddings() for part in module.modules())
    return bool(name) and any(gradients) and not holds_embeddings


def idle_buffers(model: Any, idle: Collection[str]) -> set[str]:
    """Name the buffers without a part in what the model computes; no gradient tells of them.

    They are counters and positions, which hold no floating numbers, and those of
    a part whose parameters are all idle.
    """
    found = set()
    for name, buffer in model.named_buffers():
        path = name.rpartition(".")[0]
        mates: list[str] = []
        while path and not mates:
            mates = [f"{path}.{one}" for one, _ in model.get_submodule(path).named_parameters()]
            path = path.rpartition(".")[0]
        if not buffer.is_floating_point() or (mates and all(one in idle for one in mates)):
            found.add(name)
    return found
