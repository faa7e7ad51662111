"""Features in place of an item: in the form that a class of vLLM's takes them, if any."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .exchange import is_memory_error
from .vllm_processing import read_reference, text_of
from .vllm_releases import items_by_kind, process

if TYPE_CHECKING:
    import torch


def embedded_data(
    processor: Any,
    payload: Mapping[str, Any],
    scenario: Mapping[str, Any],
    index: int,
    own: Sequence[torch.Tensor],
) -> dict[str, Any] | str:
    """Give HF's features of a request's item as what the engine is sent for it.

    Whether a class takes features, its processor tells: it carries them on, in
    one of the forms that there are, or drops or refuses them. What is wrong with
    them later is the class's fault. A class that has more in each feature than HF
    (those of further layers) is sent its own.

    Args:
        processor: of the class.
        payload: of the job.
        scenario: that which asks for features.
        index: which of its requests.
        own: what the class itself makes of the item, as rows.

    Returns:
        Data by modality, or why the class takes none.

    Raises:
        Exception: what the processor raised, where the scenario is not optional.
    """
    tensors = _reference_tensors(payload, scenario["name"])
    rows = _rows_of(tensors, index)
    if _is_wider(own, rows):
        rows = list(own)
    if not rows or _form(rows) != _form(own):
        return f"merges {_form(own)}, and what HF gives is {_form(rows)}"
    import torch

    dtype = processor.info.ctx.model_config.dtype
    features = torch.cat(rows).to(dtype)
    text = text_of(scenario["requests"][index], payload)
    kind = scenario["requests"][index]["items"][0]["kind"]
    reasons: list[str] = []
    for data in _forms(kind, features, tensors, index):
        try:
            if _is_carried_on(processor, payload, text, data, features):
                return data
            reasons.append("its processor drops them")
        except Exception as error:
            if is_memory_error(error) or not scenario["optional"]:
                raise
            reasons.append(f"{type(error).__name__}: {error}")
    return f"takes no features in place of its {kind}: {'; '.join(dict.fromkeys(reasons))}"


def reference_rows(payload: Mapping[str, Any], scenario: str, index: int) -> torch.Tensor | None:
    """HF's features of the items of a request, as rows; None where it has no method for them."""
    import torch

    rows = _rows_of(_reference_tensors(payload, scenario), index)
    return torch.cat(rows) if rows else None


def _rows_of(tensors: Mapping[str, torch.Tensor], index: int) -> list[torch.Tensor]:
    """Features of a request, call by call."""
    calls = [f"features/{index}/{call}" for call in range(len(tensors))]
    return [tensors[name] for name in calls if name in tensors]


def _is_wider(own: Sequence[torch.Tensor], rows: Sequence[torch.Tensor]) -> bool:
    """Tell whether a class has as many features as HF, and more in each."""
    if sum(map(len, own)) != sum(map(len, rows)) or not rows:
        return False
    return bool(own[0].shape[-1] > rows[0].shape[-1])


def _form(parts: Sequence[torch.Tensor]) -> str:
    """How many features there are, and of what width: a class may merge more than HF gives."""
    widths = sorted({part.shape[-1] for part in parts})
    return f"{sum(len(part) for part in parts)} features of width {widths}"


def _forms(
    kind: str, features: torch.Tensor, tensors: Mapping[str, torch.Tensor], index: int
) -> Iterator[dict[str, Any]]:
    """The plain form, and those with what the HF processor counted of the item.

    The name of the field is the same in all classes that have it.
    """
    yield {kind: [features]}
    prefix = f"counts/{index}/"
    counts = {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
    named = {name: value for name, value in counts.items() if name.startswith(f"{kind}_")}
    for one in (named, counts):
        if one:
            yield {kind: {f"{kind}_embeds": features, **one}}


def _is_carried_on(
    processor: Any,
    payload: Mapping[str, Any],
    text: str,
    data: dict[str, Any],
    features: torch.Tensor,
) -> bool:
    """Tell whether the features are among what the processor hands to the model."""
    output = process(processor, text, data, dict(payload["processor_kwargs"]))
    given = [
        field.data
        for items in items_by_kind(output).values()
        for item in items
        for field in (item or {}).values()
    ]
    return any(getattr(one, "shape", None) and one.numel() == features.numel() for one in given)


def _reference_tensors(payload: Mapping[str, Any], name: str) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    read_reference(payload, f"scenario-{name}")
    path = Path(payload["reference"], f"scenario-{name}.safetensors")
    tensors: dict[str, torch.Tensor] = load_file(str(path))
    return tensors
