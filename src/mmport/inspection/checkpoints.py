"""The checkpoint of a model source, from its safetensors headers."""

from __future__ import annotations

from mmport.hub.source import ModelSource
from mmport.inspection.notes import warning
from mmport.model.finding import Finding
from mmport.model.spec import CheckpointSpec
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
    headers = source.tensor_headers()
    if not headers:
        return None, _unread(source)
    encoder = encoder_path.rpartition(".")[2]
    return CheckpointSpec(
        layout=detect_layout(headers, encoder=encoder, inner=inner),
        files=tuple(sorted({header.file for header in headers.values()})),
        tensors=group_tensors(headers),
        parameter_count=parameter_count(headers.values()),
    ), []


def read_tensors(source: ModelSource) -> tuple[CheckpointSpec | None, list[Finding]]:
    """Read the weights' names and shapes, whatever their layout.

    Raises:
        MalformedSource: a header is broken.
    """
    headers = source.tensor_headers()
    if not headers:
        return None, _unread(source)
    return CheckpointSpec(
        layout=None,
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
