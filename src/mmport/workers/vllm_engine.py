"""The vLLM side of a comparison: the real engine, with any implementation in it."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .awaiting import await_file
from .exchange import write_stage
from .images import make_image
from .probes import Probe, find_module
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

    report("registering")
    _register(payload)
    report("configuring")
    arguments = _engine_arguments(payload)
    config = EngineArgs(**arguments).create_model_config()
    report("processing")
    _run_processor(config, payload, out)
    _hook_loading(payload, out, report)
    report("starting")
    engine = vllm.LLM(**arguments)
    runner = _Runner(engine, payload)
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
    else:
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
        "load_format": "safetensors",
        "max_model_len": _context_length(payload),
        "limit_mm_per_prompt": payload["limit_mm_per_prompt"],
        "enable_mm_embeds": True,
        # A second scenario must not be answered from the first one's cache.
        "enable_prefix_caching": False,
        "enforce_eager": True,
        "max_logprobs": payload["top_logprobs"],
        "disable_log_stats": True,
        "seed": 0,
        **payload["engine_arguments"],
    }


def _context_length(payload: dict[str, Any]) -> int:
    """As many positions as are needed, and no more than the model has."""
    from transformers import AutoConfig

    text = AutoConfig.from_pretrained(payload["model"]).get_text_config()
    limit = getattr(text, "max_position_embeddings", None)
    wanted: int = payload["max_model_len"]
    return min(wanted, limit) if isinstance(limit, int) and limit > 0 else wanted


def _run_processor(config: Any, payload: dict[str, Any], out: Path) -> None:
    """Run the multimodal processor alone: it needs the model's config and no weights."""
    import torch
    from vllm.multimodal import MULTIMODAL_REGISTRY

    processor = MULTIMODAL_REGISTRY.create_processor(config)
    document, tensors = {}, {}
    for case in payload["processor_cases"]:
        images = [make_image(width, height, seed) for width, height, seed in case["images"]]
        output = processor(
            case["text"],
            mm_items=processor.info.parse_mm_data({"image": images}),
            hf_processor_mm_kwargs=case["mm_processor_kwargs"],
        )
        document[case["name"]] = {
            "ids": list(output["prompt_token_ids"]),
            "spans": [[place.offset, place.length] for place in output["mm_placeholders"]["image"]],
        }
        items = output["mm_kwargs"]["image"]
        # One implementation keeps a dimension for the image's tiles, another does not.
        pixels = [item["pixel_values"].data for item in items]
        tensors[case["name"]] = torch.cat([item.reshape(-1, *item.shape[-3:]) for item in pixels])
    write_stage(out, "processor", document, tensors)


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
        write_stage(out, "weights", trace_weights(model, files))
        load_weights(self, model, model_config)
        report("starting")

    DefaultModelLoader.create_model = reported_create
    DefaultModelLoader.load_weights = traced_load


class _Runner:
    """The started engine, and what is asked of it."""

    def __init__(self, engine: Any, payload: dict[str, Any]) -> None:
        from vllm import SamplingParams

        self.engine = engine
        self.payload = payload
        self.sampling = SamplingParams(
            temperature=0.0,
            max_tokens=payload["new_tokens"],
            ignore_eos=True,
            detokenize=False,
            logprobs=payload["top_logprobs"],
            prompt_logprobs=0,
        )
        self.model: Any = None
        engine.apply_model(self._keep)

    def _keep(self, model: Any) -> None:
        self.model = model

    def write_scenario(self, scenario: dict[str, Any], out: Path) -> None:
        """Send a scenario's requests together, as users would."""
        connector = Probe(find_module(self.model, self.payload["connector"]))
        prompts = [
            self._prompt(scenario, index, request)
            for index, request in enumerate(scenario["requests"])
        ]
        outputs = self.engine.generate(prompts, self.sampling, use_tqdm=False)
        requests, tensors = [], {}
        for index, output in enumerate(outputs):
            requests.append(_answer(output))
            tensors[f"{index}/prompt"] = _prompt_logprobs(output)
        tensors |= {f"connector/{name}": value for name, value in connector.take().items()}
        connector.close()
        write_stage(out, f"scenario-{scenario['name']}", {"requests": requests}, tensors)

    def _prompt(
        self, scenario: dict[str, Any], index: int, request: dict[str, Any]
    ) -> dict[str, Any]:
        if not request["images"]:
            return {"prompt": request["text"]}
        if scenario["embeds"]:
            items: list[Any] = self._features(f"{scenario['name']}/{index}")
        else:
            items = [make_image(width, height, seed) for width, height, seed in request["images"]]
        return {"prompt": request["text"], "multi_modal_data": {"image": items}}

    def _features(self, prefix: str) -> list[torch.Tensor]:
        """Read the reference's own image features, in the order of the images."""
        from safetensors.torch import load_file

        path = Path(self.payload["features"])
        await_file(path, ended=Path(self.payload["features_ended"]))
        tensors = load_file(str(path))
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
