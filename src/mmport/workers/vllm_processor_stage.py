"""What vLLM's processor makes of the cases that HF's was given, in every way to give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .exchange import is_memory_error, write_stage
from .vllm_paths import write_paths_stage
from .vllm_processing import beyond_limits, process_case, read_reference
from .vllm_shrinking import write_shrunk_stage

if TYPE_CHECKING:
    from pathlib import Path

    import torch


def write_processor_stage(processor: Any, payload: Mapping[str, Any], out: Path) -> None:
    """Process every case that HF could, and take every other way to the same inputs.

    A case that raises has failed; the others are compared all the same. Where a
    drawn item makes a difference, the nearest to a typical one that does is found.

    Raises:
        Exception: that of the first case, if every case raised.
    """
    reference = read_reference(payload, "processor")
    document: dict[str, Any] = {}
    tensors: dict[str, torch.Tensor] = {}
    errors: list[Exception] = []
    for name, entry in reference.items():
        case = entry["asked"]
        if "left_out" in entry:
            continue
        refusal = beyond_limits(processor.info, case["request"])
        if refusal and case["optional"]:
            document[name] = {"left_out": refusal}
            continue
        try:
            document[name], found = process_case(processor, case, payload)
        except Exception as error:
            if is_memory_error(error):
                raise
            errors.append(error)
            document[name] = {"error": f"{type(error).__name__}: {error}"}
            continue
        tensors |= {f"{name}/{key}": value for key, value in found.items()}
    if errors and len(errors) == len(document):
        raise errors[0]
    if document:
        write_paths_stage(processor, payload, reference, out)
        write_shrunk_stage(processor, payload, reference, document, tensors, out)
    write_stage(out, "processor", document, tensors)
