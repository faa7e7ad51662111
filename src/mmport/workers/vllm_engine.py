"""The vLLM side of a comparison: the real engine, with any implementation in it."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .budget import write_budget_stage
from .capture import code_place, describe_modules
from .exchange import limit_threads, write_stage
from .first_engine import BLOCK_SIZE, FirstRunner, is_only_one
from .targets import find_targets
from .vllm_plugin import register_in_workers
from .vllm_processing import read_reference
from .vllm_processor_stage import write_processor_stage
from .vllm_releases import (
    hook_loading,
    known_arguments,
    make_processor,
    takes_logits_processors,
    without_preloads,
)
from .vllm_scenarios import Runner
from .vllm_sending import force_in_sampler, forcing_class
from .weight_trace import traced

Report = Callable[[str], None]


def run(payload: dict[str, Any], out: Path, report: Report) -> dict[str, Any]:
    """Start the engine and answer what the payload asks.

    Writes the stage files `processor`, `weights`, `modules` and one `scenario-*`
    each, as soon as each is known: should a later step fail, the earlier ones
    count. Without `runs_model` the engine is not started.
    """
    runner, versions = start(payload, out, report)
    if runner is not None:
        for scenario in payload["scenarios"]:
            report(f"running {scenario['name']}")
            runner.write_scenario(scenario, out)
    return versions


def start(
    payload: dict[str, Any], out: Path, report: Report
) -> tuple[Runner | None, dict[str, Any]]:
    """Write what comes before the scenarios, start the engine if it is to run, tell versions."""
    report("importing vllm")
    import torch
    import vllm
    from vllm.engine.arg_utils import EngineArgs

    limit_threads(payload["threads"])
    report("registering")
    _register(payload)
    report("configuring")
    arguments = known_arguments(_engine_arguments(payload), EngineArgs)
    if payload["tensor_parallel"] > 1:
        register_in_workers(payload, out)
        EngineArgs(**arguments).create_engine_config()  # says so if the model cannot be divided
    config = EngineArgs(**arguments, **_whole_processing(EngineArgs)).create_model_config()
    report("processing")
    processor = make_processor(config)
    if payload["runs_processor"]:
        write_processor_stage(processor, payload, out)
    if payload["runs_budget"]:
        write_budget_stage(processor, payload, out)
    versions = {
        "python": platform.python_version(),
        "vllm": vllm.__version__,
        "torch": torch.__version__,
    }
    if not payload["runs_model"]:
        return None, versions
    if payload["observes"]:
        _hook_loading(payload, out, report)
    report("starting")
    without_preloads()
    runner = _started(arguments, processor, payload)
    if runner.model is not None:
        write_stage(out, "modules", describe_model(runner.model, config, payload))
    return runner, versions


def _started(arguments: dict[str, Any], processor: Any, payload: dict[str, Any]) -> Runner:
    """Start the engine that this release has, and have it take forced requests."""
    import vllm

    if is_only_one():
        return FirstRunner(vllm.LLM(**arguments), processor, payload)
    # A class given as such is known in this process alone: workers of their own get none.
    by_class = takes_logits_processors()
    forcing = {"logits_processors": [forcing_class()]} if payload["forces"] and by_class else {}
    engine = vllm.LLM(**arguments, **forcing)
    if payload["forces"] and not by_class:
        force_in_sampler(engine)
    return Runner(engine, processor, payload)


def describe_model(model: Any, config: Any, payload: dict[str, Any]) -> dict[str, Any]:
    """What the referee must know of the modules, and of the names that others give them."""
    known = read_reference(payload, "modules")
    quantization = getattr(config.hf_config, "quantization_config", None)
    return {
        "modules": describe_modules(model),
        "head": code_place(type(model).compute_logits),
        "targets": find_targets(model, quantization, known),
    }


def _register(payload: dict[str, Any]) -> None:
    """Register the port: by its own entry point, or its class where it has none."""
    from vllm import ModelRegistry

    architecture = payload["architecture"]
    if payload["entry_point"]:
        module, function = payload["entry_point"].split(":")
        getattr(importlib.import_module(module), function)()
    elif payload["model_class"]:
        ModelRegistry.register_model(architecture, payload["model_class"])
    if payload["model_impl"] != "vllm" or architecture not in ModelRegistry.models:
        return
    # A class named by a string is first looked at in a process of its own, which
    # imports vLLM again, for seconds; given the class itself, vLLM looks here.
    model_class = ModelRegistry.models[architecture].load_model_cls()
    ModelRegistry.register_model(architecture, model_class)


def _engine_arguments(payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": payload["model"],
        "dtype": payload["dtype"],
        "model_impl": payload["model_impl"],
        "runner": "generate",
        "load_format": "safetensors",
        "max_model_len": context_length(payload),
        "limit_mm_per_prompt": payload["limit_mm_per_prompt"],
        "enable_mm_embeds": payload["enable_mm_embeds"],
        "trust_remote_code": payload["trust_remote_code"],
        "tensor_parallel_size": payload["tensor_parallel"],
        "enforce_eager": not payload["compiled"],
        "max_logprobs": payload["top_logprobs"],
        "disable_log_stats": True,
        "seed": 0,
        **({"mm_processor_kwargs": options} if (options := payload["processor_kwargs"]) else {}),
        **payload["engine_arguments"],
        **({"block_size": BLOCK_SIZE} if is_only_one() else {}),
    }


def _whole_processing(arguments: Any) -> dict[str, bool]:
    """Have the processor normalise by itself, where the engine may leave it to the model.

    Only the comparison of the processors is asked so: pixels that are normalised
    later cannot be compared with HF's. The engine itself runs as it would.
    """
    name = "mm_device_do_normalize"
    return {name: False} if name in arguments.__dataclass_fields__ else {}


def context_length(payload: dict[str, Any]) -> int:
    """As many positions as are needed, and no more than the model has."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(
        payload["model"], trust_remote_code=payload["trust_remote_code"]
    )
    # The first transformers that old engines had know no such method.
    text = config.get_text_config() if hasattr(config, "get_text_config") else config.text_config
    limit = getattr(text, "max_position_embeddings", None)
    wanted: int = payload["max_model_len"]
    return min(wanted, limit) if isinstance(limit, int) and limit > 0 else wanted


def _hook_loading(payload: dict[str, Any], out: Path, report: Report) -> None:
    """Trace the weights inside the engine's own start.

    Only there is the model built and not yet loaded: afterwards the layers'
    weights are packed for the kernels, and no longer readable.
    """
    files = [Path(payload["model"], name) for name in payload["checkpoint_files"]]

    def loading(model: Any) -> None:
        report("loading")
        write_stage(out, "weights", traced(model, files, required=payload["trace_weights"]))
        report("starting")

    hook_loading(lambda: report("constructing"), loading)
