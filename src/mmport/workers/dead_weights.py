"""Which tensors of a checkpoint have no bearing on what HF computes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .checkpoint import read_tensors

if TYPE_CHECKING:
    import torch


def find_unused_tensors(
    model: Any, ignored: Collection[str], files: Sequence[Path], image_shape: Sequence[int]
) -> list[str]:
    """List checkpoint tensors that HF's features do not depend on, or that HF ignores.

    A tower runs deeper than the feature layer that is taken from it, and ends
    in norms and heads that nobody asks for. Which, the gradient of the features
    tells: a parameter without one has no part in them. It is found on the meta
    device, so the model's size does not matter. A tensor whose parameter cannot
    be told counts as used.

    Args:
        model: the loaded HF model.
        ignored: tensors that HF said it did not expect.
        files: the checkpoint's safetensors files.
        image_shape: of one image's pixel values: channels, height, width.
    """
    without_gradient = _parameters_without_gradient(model, image_shape)
    names = _parameter_names_by_content(model)
    unused = list(ignored)
    for name, tensor in read_tensors(files):
        holders = names.get(_content_key(tensor.to(model.dtype)), [])
        if holders and _closest(name, holders) in without_gradient:
            unused.append(name)
    return unused


def _parameters_without_gradient(model: Any, image_shape: Sequence[int]) -> set[str]:
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
    return {
        name
        for name, parameter in shadow.named_parameters()
        if parameter.grad is None and name.startswith(encoder)
    }


def _is_encoder(name: str, module: Any, model: Any) -> bool:
    """Tell whether a module has part in the features, and not all of the model has."""
    gradients = [parameter.grad is not None for parameter in module.parameters()]
    holds_embeddings = any(part is model.get_input_embeddings() for part in module.modules())
    return bool(name) and any(gradients) and not holds_embeddings


def _parameter_names_by_content(model: Any) -> dict[str, list[str]]:
    names: dict[str, list[str]] = defaultdict(list)
    for name, tensor in model.state_dict().items():
        names[_content_key(tensor)].append(name)
    return names


def _content_key(tensor: torch.Tensor) -> str:
    import torch

    data = tensor.detach().cpu().contiguous()
    digest = hashlib.sha256(data.view(-1).view(torch.uint8).numpy().tobytes()).hexdigest()
    return f"{tuple(data.shape)} {digest}"


def _closest(name: str, holders: Sequence[str]) -> str:
    """Of parameters with the same content, the one whose name ends most like `name`."""
    parts = name.split(".")

    def common_ending(holder: str) -> int:
        count = 0
        for ours, theirs in zip(reversed(parts), reversed(holder.split(".")), strict=False):
            if ours != theirs:
                break
            count += 1
        return count

    return max(holders, key=common_ending)
