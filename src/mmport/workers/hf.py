"""The HuggingFace side of a comparison: the reference that transformers computes."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .capture import describe_modules, find_decoder
from .checkpoint import read_tensors
from .dead_weights import find_unused_tensors, takes_pixels_alone, without_part_in
from .exchange import limit_threads, write_stage
from .hf_processing import Caller, write_processor_stage
from .hf_scenarios import Reference
from .noise import write_noise
from .probes import tied_parameters
from .weight_rows import loaded_rows

Report = Callable[[str], None]


def run(payload: dict[str, Any], out: Path, report: Report) -> dict[str, Any]:
    """Compute the reference: processor outputs, features, logprobs, greedy tokens.

    Writes the stage files `processor`, `modules`, one `scenario-*` each, and
    `weights`; without `runs_model` the first alone. The other side reads them
    as they come.
    """
    report("importing transformers")
    import torch
    import transformers

    torch.manual_seed(0)
    limit_threads(payload["threads"])
    report("processing")
    processor = transformers.AutoProcessor.from_pretrained(
        payload["model"], trust_remote_code=payload["trust_remote_code"]
    )
    if payload["with_pil"]:
        _resize_with_pil(processor, payload)
    caller = Caller(processor, payload["processor_kwargs"])
    if payload["runs_processor"]:
        write_processor_stage(caller, payload, out)
    versions = {
        "python": platform.python_version(),
        "transformers": transformers.__version__,
        "torch": torch.__version__,
    }
    if not payload["runs_model"]:
        return versions
    report("loading")
    model, loading = load_model(payload)
    write_stage(out, "modules", _describe(model))
    reference = Reference(model, caller, payload)
    for scenario in payload["scenarios"]:
        report(f"running {scenario['name']}")
        reference.write_scenario(scenario, out)
    report("tracing weights")
    _write_weights(reference, loading, out)
    write_noise(reference, lambda other: load_model({**payload, **other})[0], payload, out, report)
    return {
        **versions,
        "attention": getattr(model.config, "_attn_implementation", "") or "",
        "missing_keys": sorted(loading["missing_keys"]),
    }


def _resize_with_pil(processor: Any, payload: Mapping[str, Any]) -> None:
    """Have images be resized with PIL; videos have no such kind of processor."""
    import transformers

    part = getattr(processor, "image_processor", None)
    own = type(part).__module__.partition(".")[0] != transformers.__name__
    if own or type(part).__name__.removesuffix("Fast") in payload["not_with_pil"]:
        return
    how = {"use_fast": False} if _major(transformers.__version__) < 5 else {"backend": "pil"}
    processor.image_processor = transformers.AutoImageProcessor.from_pretrained(
        payload["model"], trust_remote_code=payload["trust_remote_code"], **how
    )


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _loader(payload: Mapping[str, Any]) -> Any:
    """The class that loads the model: an old transformers lacks some of today's auto classes."""
    import transformers

    loader = getattr(transformers, payload["auto_class"], None)
    if loader is None:
        config = transformers.AutoConfig.from_pretrained(
            payload["model"], trust_remote_code=payload["trust_remote_code"]
        )
        loader = getattr(transformers, config.architectures[0])
    return loader


def load_model(payload: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Load the model, with the attention that is asked for where it has it.

    Returns:
        The model, ready to run, and what transformers said of the loading.
    """
    import torch
    import transformers

    loader = _loader(payload)
    dtype = "torch_dtype" if _major(transformers.__version__) < 5 else "dtype"

    def load(**options: Any) -> Any:
        return loader.from_pretrained(
            payload["model"],
            **{dtype: getattr(torch, payload["dtype"])},
            use_safetensors=True,
            output_loading_info=True,
            trust_remote_code=payload["trust_remote_code"],
            **options,
        )

    try:
        model, loading = load(attn_implementation=payload["attention"])
    except (ValueError, KeyError, NotImplementedError) as error:
        if "attention" not in str(error) and payload["attention"] not in str(error):
            raise
        model, loading = load()
    return model.to(payload["device"]).eval(), loading


def _write_weights(reference: Reference, loading: dict[str, Any], out: Path) -> None:
    """Say where the checkpoint went, and what of it has no part in what HF computes."""
    model, payload = reference.model, reference.payload
    files = [Path(payload["model"], name) for name in payload["checkpoint_files"]]
    sources = loaded_rows(model.state_dict(), read_tensors(files))
    if payload["trace_weights"] and takes_pixels_alone(model):
        idle = without_part_in(model, payload["image_shape"])
    else:
        idle = reference.parameters_without_part()
    document = {
        "unused": find_unused_tensors(list(loading["unexpected_keys"]), sources, idle),
        "tied": list(tied_parameters(model)),
        "sources": sources,
    }
    write_stage(out, "weights", document)


def _describe(model: Any) -> dict[str, Any]:
    """What the referee must know of the modules, to pair and to name them."""
    paths = {module: path for path, module in model.named_modules()}
    return {
        "modules": describe_modules(model),
        "decoder": find_decoder(model),
        "embeddings": paths.get(model.get_input_embeddings(), ""),
        "head": paths.get(model.get_output_embeddings(), "")
        if model.get_output_embeddings()
        else "",
    }
