"""The vLLM side of a comparison: the real engine, with any implementation in it."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .exchange import limit_threads, write_stage
from .probes import Probe, find_module
from .tap import VLLM_METHODS, FeatureTap
from .vllm_processing import (
    beyond_limits,
    multi_modal_data,
    read_reference,
    text_of,
    write_processor_stage,
)
from .weight_trace import trace_weights

if TYPE_CHECKING:
    import torch

Report = Callable[[str], None]


def run(payload: dict[str, Any], out: Path, report: Report) -> dict[str, Any]:
    """Start the engine and answer what the payload asks.

    Writes the stage files `processor`, `weights` and one `scenario-*` each, as
    soon as each is known: should a later step fail, the earlier ones count.
    """
    report("importing vllm")
    import torch
    import vllm
    from vllm.engine.arg_utils import EngineArgs
    from vllm.multimodal import MULTIMODAL_REGISTRY

    limit_threads(payload["threads"])
    report("registering")
    _register(payload)
    report("configuring")
    arguments = _engine_arguments(payload)
    config = EngineArgs(**arguments, **_whole_processing(EngineArgs)).create_model_config()
    report("processing")
    processor = MULTIMODAL_REGISTRY.create_processor(config)
    write_processor_stage(processor, payload, out)
    _hook_loading(payload, out, report)
    report("starting")
    engine = vllm.LLM(**arguments)
    runner = _Runner(engine, processor.info, payload)
    for scenario in payload["scenarios"]:
        report(f"running {scenario['name']}")
        runner.write_scenario(scenario, out)
    return {
        "python": platform.python_version(),
        "vllm": vllm.__version__,
        "torch": torch.__version__,
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
        "max_model_len": _context_length(payload),
        "limit_mm_per_prompt": payload["limit_mm_per_prompt"],
        "enable_mm_embeds": payload["enable_mm_embeds"],
        "trust_remote_code": payload["trust_remote_code"],
        # A second scenario must not be answered from the first one's cache.
        "enable_prefix_caching": False,
        "enforce_eager": True,
        "max_logprobs": payload["top_logprobs"],
        "disable_log_stats": True,
        "seed": 0,
        **({"mm_processor_kwargs": options} if (options := payload["processor_kwargs"]) else {}),
        **payload["engine_arguments"],
    }


def _whole_processing(arguments: Any) -> dict[str, bool]:
    """Have the processor normalise by itself, where the engine may leave it to the model.

    Only the comparison of the processors is asked so: pixels that are normalised
    later cannot be compared with HF's. The engine itself runs as it would.
    """
    name = "mm_device_do_normalize"
    return {name: False} if name in arguments.__dataclass_fields__ else {}


def _context_length(payload: dict[str, Any]) -> int:
    """As many positions as are needed, and no more than the model has."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(
        payload["model"], trust_remote_code=payload["trust_remote_code"]
    )
    text = config.get_text_config()
    limit = getattr(text, "max_position_embeddings", None)
    wanted: int = payload["max_model_len"]
    return min(wanted, limit) if isinstance(limit, int) and limit > 0 else wanted


def _hook_loading(payload: dict[str, Any], out: Path, report: Report) -> None:
    """Trace the weights inside the engine's own start.

    Only there is the model built and not yet loaded: afterwards the layers'
    weights are packed for the kernels, and no longer readable.
    """
    from vllm.model_executor.model_loader.default_loader import DefaultModelLoader

    files = [Path(payload["model"], name) for name in payload["checkpoint_files"]]
    create_model = DefaultModelLoader.create_model
    load_weights = DefaultModelLoader.load_weights

    def reported_create(self: Any, *args: Any, **kwargs: Any) -> Any:
        report("constructing")
        return create_model(self, *args, **kwargs)

    def traced_load(self: Any, model: Any, model_config: Any) -> None:
        report("loading")
        if payload["trace_weights"]:
            write_stage(out, "weights", trace_weights(model, files))
        load_weights(self, model, model_config)
        report("starting")

    DefaultModelLoader.create_model = reported_create
    DefaultModelLoader.load_weights = traced_load


class _Runner:
    """The started engine, and what is asked of it."""

    def __init__(self, engine: Any, info: Any, payload: dict[str, Any]) -> None:
        self.engine = engine
        self.info = info
        self.payload = payload
        self.model: Any = None
        engine.apply_model(self._keep)
        self.tap = FeatureTap(self.model, VLLM_METHODS)

    def _keep(self, model: Any) -> None:
        self.model = model

    def write_scenario(self, scenario: dict[str, Any], out: Path) -> None:
        """Send a scenario's requests together, as users would; those that HF could answer."""
        reference = read_reference(self.payload, f"scenario-{scenario['name']}")
        path = self.payload["connector"]
        connector = Probe(find_module(self.model, path)) if path else None
        left_out = self._left_out(scenario)
        sent = [
            index
            for index, answer in enumerate(reference["requests"])
            if answer is not None and str(index) not in left_out
        ]
        prompts = [self._prompt(scenario, index) for index in sent]
        outputs = self.engine.generate(prompts, self._sampling(), use_tqdm=False) if sent else []
        requests: list[dict[str, Any] | None] = [None] * len(reference["requests"])
        tensors: dict[str, torch.Tensor] = {}
        for index, output in zip(sent, outputs, strict=True):
            requests[index] = _answer(output)
            if output.prompt_logprobs is not None:
                tensors[f"{index}/prompt"] = _prompt_logprobs(output)
        for call, rows in enumerate(self.tap.take()):
            tensors[f"features/{call}"] = rows
        if connector is not None:
            tensors |= {f"connector/{name}": value for name, value in connector.take().items()}
            connector.close()
        document = {"requests": requests, "left_out": left_out}
        write_stage(out, f"scenario-{scenario['name']}", document, tensors)

    def _left_out(self, scenario: dict[str, Any]) -> dict[str, str]:
        """Find the requests of an optional scenario that the model class takes no part in."""
        if not scenario["optional"]:
            return {}
        told = {
            str(index): beyond_limits(self.info, request)
            for index, request in enumerate(scenario["requests"])
        }
        return {index: reason for index, reason in told.items() if reason}

    def _sampling(self) -> Any:
        from vllm import SamplingParams

        return SamplingParams(
            temperature=0.0,
            max_tokens=self.payload["new_tokens"],
            ignore_eos=True,
            detokenize=False,
            logprobs=self.payload["top_logprobs"],
            prompt_logprobs=0 if self._has_output_for_all() else None,
        )

    def _has_output_for_all(self) -> bool:
        """Tell whether the vocabulary holds the placeholders: their logprob is looked up too."""
        size = self.engine.llm_engine.model_config.get_vocab_size()
        return all(token < size for token in self.payload["placeholder_ids"])

    def _prompt(self, scenario: dict[str, Any], index: int) -> dict[str, Any]:
        request = scenario["requests"][index]
        prompt: dict[str, Any] = {"prompt": text_of(request, self.payload)}
        if not request["items"]:
            return prompt
        if scenario["embeds"]:
            data: dict[str, Any] = {"image": self._features(f"{scenario['name']}/{index}")}
        else:
            data = multi_modal_data(request["items"])
        return {**prompt, "multi_modal_data": data}

    def _features(self, prefix: str) -> list[torch.Tensor]:
        """Read the reference's own image features, in the order of the images."""
        from safetensors.torch import load_file

        read_reference(self.payload, "features")
        tensors = load_file(str(Path(self.payload["reference"], "features.safetensors")))
        names = sorted(
            (name for name in tensors if name.rpartition("/")[0] == prefix),
            key=lambda name: int(name.rpartition("/")[2]),
        )
        dtype = self.engine.llm_engine.model_config.dtype
        return [tensors[name].to(dtype) for name in names]


def _answer(output: Any) -> dict[str, Any]:
    completion = output.outputs[0]
    return {
        "prompt": list(output.prompt_token_ids),
        "tokens": list(completion.token_ids),
        "steps": [
            {str(token): entry.logprob for token, entry in step.items()}
            for step in completion.logprobs
        ],
    }


def _prompt_logprobs(output: Any) -> torch.Tensor:
    """The logprob of each prompt token but the first, given those before it."""
    import torch

    pairs = zip(output.prompt_token_ids[1:], output.prompt_logprobs[1:], strict=True)
    return torch.tensor([entries[token].logprob for token, entries in pairs])
