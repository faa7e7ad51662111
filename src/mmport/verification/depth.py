"""Layers that a checkpoint has, HF uses, and an implementation never builds."""

from __future__ import annotations

from collections.abc import Iterable


def unbuilt_layers(missing: Iterable[str], parameters: Iterable[str]) -> dict[str, list[str]]:
    """Group missing tensors by the layer that is not there at all.

    A tensor that was not loaded is a fault of the weight map, unless its layer
    does not exist: then the module is too shallow, and loading is not to blame.

    Args:
        missing: checkpoint tensors of one module that landed nowhere.
        parameters: names of that module's parameters in the implementation.

    Returns:
        Missing tensors by layer (`vision_tower.encoder.layers.1`); tensors of
        layers that exist are left out, and those in a list that no parameter
        is in.
    """
    built = {_place(layer) for name in parameters if (layer := _layer(name))}
    lists = {name for name, _ in built}
    layers: dict[str, list[str]] = {}
    for tensor in missing:
        layer = _layer(tensor)
        if layer and _place(layer) not in built and _place(layer)[0] in lists:
            layers.setdefault(layer, []).append(tensor)
    return layers


def _layer(name: str) -> str:
    """The path up to the first layer index; empty where there is none."""
    parts = name.split(".")
    indices = [place for place, part in enumerate(parts) if part.isdigit()]
    return ".".join(parts[: indices[0] + 1]) if indices else ""


def _place(layer: str) -> tuple[str, str]:
    """The name of the list of layers, and the index in it."""
    parts = layer.split(".")
    return parts[-2], parts[-1]
