"""The checkpoint of a model source, from its safetensors headers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mmport.hub.source import ModelSource
from mmport.inspection.notes import warning
from mmport.model.finding import Finding
from mmport.model.spec import CheckpointSpec, KeyLayout
from mmport.weights.groups import group_tensors, parameter_count
from mmport.weights.layouts import detect_layout

_PICKLES = (".bin", ".pt", ".pth", ".ckpt")


def read_checkpoint(
    source: ModelSource, *, encoder_path: str, inner: str
) -> tuple[CheckpointSpec | None, list[Finding]]:
    """Read the weights' names and shapes; None where the source has no safetensors.

    Args:
        source: the model source.
        encoder_path: the encoder's attribute path from the top of the HF model.
        inner: the level inside the encoder that transformers 5 dropped.

    Raises:
        MalformedSource: a header is broken, or the names are of no known layout.
    """
    encoder = encoder_path.rpartition(".")[2]
    return _read(source, lambda names: detect_layout(names, encoder=encoder, inner=inner))


def read_tensors(source: ModelSource) -> tuple[CheckpointSpec | None, list[Finding]]:
    """Read the weights' names and shapes, whatever their layout.

    Raises:
        MalformedSource: a header is broken.
    """
    return _read(source, lambda names: None)


def _read(
    source: ModelSource, layout_of: Callable[[Iterable[str]], KeyLayout | None]
) -> tuple[CheckpointSpec | None, list[Finding]]:
    headers = source.tensor_headers()
    if not headers:
        return None, _unread(source)
    return CheckpointSpec(
        layout=layout_of(headers),
        files=tuple(sorted({header.file for header in headers.values()})),
        tensors=group_tensors(headers),
        parameter_count=parameter_count(headers.values()),
    ), []


def _unread(source: ModelSource) -> list[Finding]:
    pickles = [name for name in source.files if name.endswith(_PICKLES)]
    if not pickles:
        return []
    return [
        warning(
            "pickled-weights",
            pickles[0],
            f"the weights are pickled in {pickles[0]}, which mmport does not open",
            "save the model as safetensors with transformers' save_pretrained",
        )
    ]
