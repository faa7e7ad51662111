"""Finds the item nearest to a typical one on which the two processors still part.

Both must be asked for that, many times, so HF's is loaded here as well; only
if it gives what the other side's gave is it taken for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .exchange import is_memory_error, write_stage
from .hf_processing import Caller
from .hf_processing import process_case as process_by_hf
from .shrinking import MOST_TRIES, shrink
from .sizes import describe
from .vllm_processing import process_case

if TYPE_CHECKING:
    import torch

_MOST_CASES = 3
_REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one side made of a case; `entry` has an `error` where it refused."""

    entry: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor]


def write_shrunk_stage(
    processor: Any,
    payload: Mapping[str, Any],
    reference: Mapping[str, Any],
    document: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor],
    out: Path,
) -> None:
    """Shrink the first drawn items on which the sides part, one for each way of parting.

    The document has by the case's name `name`, the size that was come to, or
    `not_shrunk`, the reason.
    """
    expected = _reference_tensors(payload)
    shrunk: dict[str, Any] = {}
    seen: list[frozenset[str]] = []
    hf: Caller | None = None
    for name, entry in reference.items():
        if not entry["asked"].get("drawn") or name not in document or "ids" not in entry:
            continue
        wanted = _Answer(entry, _of(name, expected))
        found = _Answer(document[name], _of(name, tensors))
        subjects = _differing(wanted, found, payload["pixel_bound"])
        if not subjects or subjects in seen or "left_out" in found.entry:
            continue
        seen.append(subjects)
        if hf is None:
            hf = _load(payload)
        shrunk[name] = _shrink(processor, hf, payload, wanted, reference)
        if len(seen) == _MOST_CASES:
            break
    write_stage(out, "processor-shrunk", shrunk)


def _reference_tensors(payload: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(str(Path(payload["reference"], "processor.safetensors")))


def _of(case: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    prefix = f"{case}/"
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _load(payload: Mapping[str, Any]) -> Caller:
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(
        payload["model"], trust_remote_code=payload["trust_remote_code"]
    )
    return Caller(processor, payload["processor_kwargs"])


def _shrink(
    processor: Any,
    hf: Caller,
    payload: Mapping[str, Any],
    wanted: _Answer,
    reference: Mapping[str, Any],
) -> dict[str, Any]:
    case = wanted.entry["asked"]
    bound = payload["pixel_bound"]
    here = _ask_hf(hf, case, payload)
    if here is None or _differing(wanted, here, bound):
        return {"not_shrunk": "the engine's transformers gives another reference"}
    subjects = _differing(here, _ask_vllm(processor, case, payload), bound)
    typical = _typical(reference, case["request"]["items"][0]["kind"])

    def fails(item: dict[str, Any]) -> bool:
        asked = {**case, "request": {**case["request"], "items": [item]}}
        expected = _ask_hf(hf, asked, payload)
        if expected is None or not expected.entry["positions"]:
            return False
        found = _ask_vllm(processor, asked, payload)
        return bool(subjects & _differing(expected, found, bound))

    item = shrink(case["request"]["items"][0], typical, fails, MOST_TRIES)
    return {"name": describe(item), "item": item}


def _typical(reference: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The first item of a kind that was asked about: there is one, and it is typical."""
    items = (entry["asked"]["request"]["items"] for entry in reference.values())
    return next(given[0] for given in items if given and given[0]["kind"] == kind)


def _ask_hf(hf: Caller, case: Mapping[str, Any], payload: Mapping[str, Any]) -> _Answer | None:
    try:
        return _Answer(*process_by_hf(hf, case, payload))
    except Exception as error:
        if is_memory_error(error):
            raise
        return None


def _ask_vllm(processor: Any, case: Mapping[str, Any], payload: Mapping[str, Any]) -> _Answer:
    try:
        return _Answer(*process_case(processor, case, payload))
    except Exception as error:
        if is_memory_error(error):
            raise
        return _Answer({"error": str(error)}, {})


def _differing(expected: _Answer, found: _Answer, bound: float) -> frozenset[str]:
    """In what two answers differ: `refused`, `ids`, `positions`, or tensors by name."""
    if "ids" not in found.entry:
        return frozenset({_REFUSED})
    subjects = {key for key in ("ids", "positions") if expected.entry[key] != found.entry[key]}
    if not expected.entry["positions"]:
        subjects.discard("positions")
    for name, tensor in expected.tensors.items():
        other = found.tensors.get(name)
        if other is not None and other.numel() == tensor.numel() and _apart(tensor, other, bound):
            subjects.add(name)
    return frozenset(subjects)


def _apart(first: torch.Tensor, second: torch.Tensor, bound: float) -> bool:
    """Tell whether values differ; an order of one's own, in another shape, is none."""
    import torch

    ours, theirs = first.double().reshape(-1), second.double().reshape(-1)
    if not ours.numel():
        return False
    allowed = bound * float(ours.abs().nan_to_num().max())

    def differ() -> bool:
        return not bool(((ours - theirs).abs() <= allowed).all() or torch.equal(ours, theirs))

    if differ() and first.shape != second.shape:
        ours, theirs = ours.sort().values, theirs.sort().values
    return differ()
