"""The HuggingFace side of a comparison: the reference that transformers computes."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .dead_weights import find_unused_tensors
from .exchange import is_memory_error, limit_threads, write_stage
from .greedy import generate_greedily
from .hf_processing import Caller, write_processor_stage
from .probes import Probe, find_module, tied_parameters
from .tap import HF_METHODS, FeatureTap

if TYPE_CHECKING:
    import torch

Report = Callable[[str], None]


def run(payload: dict[str, Any], out: Path, report: Report) -> dict[str, Any]:
    """Compute the reference: processor outputs, features, logprobs, greedy tokens.

    Writes the stage files `processor`, `features` (of the images that the other
    side is given as embeddings), one `scenario-*` each, and `weights` if they
    are traced. The other side reads them as they come.
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
    caller = Caller(processor, payload["processor_kwargs"])
    write_processor_stage(caller, payload, out)
    report("loading")
    model, loading = load_model(payload)
    reference = _Reference(model, caller, payload)
    reference.write_features(out)
    for scenario in payload["scenarios"]:
        report(f"running {scenario['name']}")
        reference.write_scenario(scenario, out)
    if payload["trace_weights"]:
        report("tracing weights")
        _write_weights(model, loading, payload, out)
    return {
        "python": platform.python_version(),
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "attention": getattr(model.config, "_attn_implementation", "") or "",
        "missing_keys": sorted(loading["missing_keys"]),
    }


def load_model(payload: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Load the model, with the attention that is asked for where it has it.

    Returns:
        The model, ready to run, and what transformers said of the loading.
    """
    import torch
    import transformers

    loader = getattr(transformers, payload["auto_class"])

    def load(**options: Any) -> Any:
        return loader.from_pretrained(
            payload["model"],
            dtype=getattr(torch, payload["dtype"]),
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


def _write_weights(model: Any, loading: dict[str, Any], payload: dict[str, Any], out: Path) -> None:
    files = [Path(payload["model"], name) for name in payload["checkpoint_files"]]
    ignored = list(loading["unexpected_keys"])
    unused = find_unused_tensors(model, ignored, files, payload["image_shape"])
    write_stage(out, "weights", {"unused": unused, "tied": list(tied_parameters(model))})


class _Reference:
    """The loaded HF model, and what is asked of it."""

    def __init__(self, model: Any, caller: Caller, payload: dict[str, Any]) -> None:
        self.model = model
        self.caller = caller
        self.payload = payload
        self.tap = FeatureTap(model, HF_METHODS)

    def write_features(self, out: Path) -> None:
        """Write the features of each image that the other side takes as embeddings."""
        tensors: dict[str, torch.Tensor] = {}
        for scenario in self.payload["scenarios"]:
            if not scenario["embeds"]:
                continue
            for index, request in enumerate(scenario["requests"]):
                for item, features in enumerate(self._image_features(request)):
                    tensors[f"{scenario['name']}/{index}/{item}"] = features
        write_stage(out, "features", {}, tensors)

    def _image_features(self, request: dict[str, Any]) -> Sequence[torch.Tensor]:
        import torch

        pixels = self._inputs(request)["pixel_values"]
        with torch.inference_mode(), self.tap.paused():
            features = self.model.get_image_features(pixel_values=pixels)
        features = getattr(features, "pooler_output", features)
        return list(features)

    def write_scenario(self, scenario: dict[str, Any], out: Path) -> None:
        """Answer each request of a scenario by itself, as the reference.

        What HF refuses is left out where the scenario is optional: the request
        has no answer then, and the reason stands beside it.
        """
        path = self.payload["connector"]
        connector = Probe(find_module(self.model, path)) if path else None
        requests: list[dict[str, Any] | None] = []
        left_out: dict[str, str] = {}
        tensors: dict[str, torch.Tensor] = {}
        for index, request in enumerate(scenario["requests"]):
            try:
                answer, logprobs = self._answer(request, connector)
            except Exception as error:
                if is_memory_error(error) or not scenario["optional"]:
                    raise
                left_out[str(index)] = f"{type(error).__name__}: {error}"
                requests.append(None)
                self.tap.take()
                continue
            requests.append(answer)
            tensors |= {f"{index}/{name}": value for name, value in logprobs.items()}
            for call, rows in enumerate(self.tap.take()):
                tensors[f"features/{index}/{call}"] = rows
        if connector is not None:
            tensors |= {f"connector/{name}": value for name, value in connector.take().items()}
            connector.close()
        document = {"requests": requests, "left_out": left_out}
        write_stage(out, f"scenario-{scenario['name']}", document, tensors)

    def _answer(
        self, request: dict[str, Any], connector: Probe | None
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Greedy tokens, and logprobs of the prompt and of every step.

        Shapes: `prompt` (prompt length - 1,), the logprob of each prompt token
        but the first, no number where the model has no output for it; absent
        where the prompt is no part of the output. `steps` (new tokens, vocabulary).
        """
        import torch

        inputs = self._inputs(request)
        prompt = inputs["input_ids"][0]
        logprobs: dict[str, torch.Tensor] = {}
        with torch.inference_mode(), ExitStack() as unrecorded:
            if not getattr(self.model.config, "is_encoder_decoder", False):
                logprobs["prompt"] = _prompt_logprobs(self.model(**inputs).logits[0], prompt)
                # The same items again.
                unrecorded.enter_context(self.tap.paused())
                if connector is not None:
                    unrecorded.enter_context(connector.paused())
            tokens, logits = generate_greedily(self.model, inputs, self.payload["new_tokens"])
        answer = {"prompt": prompt.tolist(), "tokens": tokens}
        return answer, {**logprobs, "steps": logits.log_softmax(-1)}

    def _inputs(self, request: dict[str, Any]) -> dict[str, Any]:
        """Process a request; floating inputs come in the model's dtype."""
        inputs = self.caller(request["text"], request["items"], {})
        return {name: self._placed(value) for name, value in inputs.items()}

    def _placed(self, value: Any) -> Any:
        import torch

        if isinstance(value, torch.Tensor):
            dtype = self.model.dtype if value.is_floating_point() else value.dtype
            return value.to(self.payload["device"], dtype)
        if isinstance(value, (list, tuple)):
            return type(value)(self._placed(item) for item in value)
        return value


def _prompt_logprobs(logits: torch.Tensor, prompt: torch.Tensor) -> torch.Tensor:
    """The logprob of each prompt token but the first, given those before it."""
    import torch

    logprobs = logits[: len(prompt) - 1].float().log_softmax(-1)
    ids = prompt[1:]
    known = ids < logprobs.shape[-1]
    given = logprobs.gather(-1, torch.where(known, ids, 0)[:, None])[:, 0]
    return torch.where(known, given, torch.nan)
