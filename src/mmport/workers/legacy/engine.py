"""The vLLM side of a comparison on an old engine, with any implementation in it."""

from __future__ import annotations

import dataclasses
import importlib
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..capture import code_place, describe_modules
from ..exchange import limit_threads, write_stage
from ..first_engine import BLOCK_SIZE
from ..vllm_engine import context_length
from ..vllm_releases import hook_construction
from ..weight_trace import traced
from .context import Context
from .processing import write_processor_stage
from .registry import asked_of_registry, write_budget_stage
from .scenarios import LegacyRunner

Report = Callable[[str], None]

_NO_TARGETS = "an old engine takes no adapters and no quantised weights on the CPU"


def run(payload: dict[str, Any], out: Path, report: Report) -> dict[str, Any]:
    """Start the engine and answer what the payload asks.

    Writes the stage files that the worker of today's engines writes: `processor`,
    `weights`, `modules`, one `scenario-*` each, and `budget`.
    """
    report("importing vllm")
    import torch
    import vllm
    from vllm.engine.arg_utils import EngineArgs

    limit_threads(payload["threads"])
    report("registering")
    _register(payload)
    report("configuring")
    arguments = _engine_arguments(payload, EngineArgs)
    config = EngineArgs(**arguments).create_engine_config().model_config
    report("processing")
    context = Context(config, payload)
    if payload["runs_processor"]:
        write_processor_stage(context, out)
    asked = asked_of_registry(context) if payload["runs_budget"] else {}
    if payload["runs_model"]:
        _answer(vllm, arguments, context, asked, out, report)
    elif asked:
        write_budget_stage(asked, None, context, out)
    return {
        "python": platform.python_version(),
        "vllm": vllm.__version__.partition("+")[0],
        "torch": torch.__version__,
    }


def _answer(
    vllm: Any,
    arguments: dict[str, Any],
    context: Context,
    asked: dict[str, Any],
    out: Path,
    report: Report,
) -> None:
    """Start the engine, and have its model run."""
    payload = context.payload
    models: list[Any] = []
    _hook_loading(payload, out, report, models)
    report("starting")
    engine = vllm.LLM(**arguments)
    runner = LegacyRunner(engine, models[-1], context)
    document = {
        "modules": describe_modules(runner.model),
        "head": code_place(type(runner.model).compute_logits),
        "targets": {"unavailable": _NO_TARGETS},
    }
    write_stage(out, "modules", document)
    for scenario in payload["scenarios"]:
        report(f"running {scenario['name']}")
        runner.write_scenario(scenario, out)
    if asked:
        report("running dummy data")
        write_budget_stage(asked, runner, context, out)


def _register(payload: dict[str, Any]) -> None:
    """Register the port: by its own entry point, or its class where it has none."""
    from vllm import ModelRegistry

    architecture = payload["architecture"]
    if payload["entry_point"]:
        module, function = payload["entry_point"].split(":")
        getattr(importlib.import_module(module), function)()
    elif payload["model_class"]:
        module, name = payload["model_class"].split(":")
        found = importlib.import_module(module)
        # What a release needs beside the class, the file itself knows.
        register = getattr(found, "register", None)
        if register is not None:
            register()
        else:
            ModelRegistry.register_model(architecture, getattr(found, name))
    entry = getattr(ModelRegistry, "models", {}).get(architecture)
    if entry is not None and hasattr(entry, "load_model_cls"):
        # A class that is known by name is looked at in a process of its own, for
        # seconds; given the class itself, vLLM looks here.
        ModelRegistry.register_model(architecture, entry.load_model_cls())


def _engine_arguments(payload: dict[str, Any], known: Any) -> dict[str, Any]:
    """Those of today's engines that this one has, too."""
    keys = payload["data_keys"]
    limits = {
        keys.get(kind, kind): most for kind, most in payload["limit_mm_per_prompt"].items() if most
    }
    wanted = {
        "model": payload["model"],
        "dtype": payload["dtype"],
        "load_format": "safetensors",
        "max_model_len": context_length(payload),
        "limit_mm_per_prompt": limits,
        "trust_remote_code": payload["trust_remote_code"],
        "enforce_eager": True,
        "max_logprobs": payload["top_logprobs"],
        "disable_log_stats": True,
        "block_size": BLOCK_SIZE,
        "seed": 0,
        **({"mm_processor_kwargs": options} if (options := payload["processor_kwargs"]) else {}),
    }
    names = {field.name for field in dataclasses.fields(known)}
    return {name: value for name, value in wanted.items() if name in names}


def _hook_loading(payload: Mapping[str, Any], out: Path, report: Report, models: list[Any]) -> None:
    """Trace the weights between the model's construction and its loading; keep the model."""
    files = [Path(payload["model"], name) for name in payload["checkpoint_files"]]

    def constructed(model: Any) -> None:
        report("loading")
        write_stage(out, "weights", traced(model, files, required=payload["trace_weights"]))
        models.append(model)

    hook_construction(lambda: report("constructing"), constructed)
