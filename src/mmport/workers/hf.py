"""The HuggingFace side of a comparison: the reference that transformers computes."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .dead_weights import find_unused_tensors
from .exchange import write_stage
from .images import make_image
from .probes import Probe, find_module, tied_parameters

if TYPE_CHECKING:
    import torch
    from PIL import Image

Report = Callable[[str], None]


def run(payload: dict[str, Any], out: Path, report: Report) -> dict[str, Any]:
    """Compute the reference: processor outputs, features, logprobs, greedy tokens.

    Writes the stage files `processor`, `features` (of the images that the other
    side is given as embeddings), `weights`, and one `scenario-*` each.
    """
    report("importing transformers")
    import torch
    import transformers

    torch.manual_seed(0)
    report("processing")
    processor = transformers.AutoProcessor.from_pretrained(payload["model"])
    _run_processor(processor, payload, out)
    report("loading")
    model, loading = transformers.AutoModelForImageTextToText.from_pretrained(
        payload["model"],
        dtype=getattr(torch, payload["dtype"]),
        attn_implementation=payload["attention"],
        use_safetensors=True,
        output_loading_info=True,
    )
    model = model.to(payload["device"]).eval()
    reference = _Reference(model, processor, payload)
    reference.write_features(out)
    for scenario in payload["scenarios"]:
        report(f"running {scenario['name']}")
        reference.write_scenario(scenario, out)
    report("tracing weights")
    files = [Path(payload["model"], name) for name in payload["checkpoint_files"]]
    ignored = list(loading["unexpected_keys"])
    unused = find_unused_tensors(model, ignored, files, payload["image_shape"])
    write_stage(out, "weights", {"unused": unused, "tied": list(tied_parameters(model))})
    return {
        "python": platform.python_version(),
        "transformers": transformers.__version__,
        "torch": torch.__version__,
    }


def _images(request: dict[str, Any]) -> list[Image.Image]:
    return [make_image(width, height, seed) for width, height, seed in request["images"]]


def _run_processor(processor: Any, payload: dict[str, Any], out: Path) -> None:
    document, tensors = {}, {}
    for case in payload["processor_cases"]:
        inputs = processor(
            text=case["text"],
            images=_images(case),
            return_tensors="pt",
            **case["mm_processor_kwargs"],
        )
        ids = inputs["input_ids"][0].tolist()
        document[case["name"]] = {
            "ids": ids,
            "spans": _placeholder_spans(ids, payload["image_token_id"], len(case["images"])),
        }
        tensors[case["name"]] = inputs["pixel_values"]
    write_stage(out, "processor", document, tensors)


def _placeholder_spans(ids: Sequence[int], token_id: int, items: int) -> list[list[int]]:
    """Find each item's `[offset, length]`; every item becomes equally many tokens."""
    positions = [index for index, token in enumerate(ids) if token == token_id]
    size = len(positions) // items
    starts = positions[::size] if size else []
    return [[start, size] for start in starts]


class _Reference:
    """The loaded HF model, and what is asked of it."""

    def __init__(self, model: Any, processor: Any, payload: dict[str, Any]) -> None:
        self.model = model
        self.processor = processor
        self.payload = payload

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
        with torch.inference_mode():
            features = self.model.get_image_features(pixel_values=pixels)
        features = getattr(features, "pooler_output", features)
        return list(features)

    def write_scenario(self, scenario: dict[str, Any], out: Path) -> None:
        """Answer each request of a scenario by itself, as the reference."""
        connector = Probe(find_module(self.model, self.payload["connector"]))
        requests: list[dict[str, Any]] = []
        tensors: dict[str, torch.Tensor] = {}
        for index, request in enumerate(scenario["requests"]):
            answer, logprobs = self._answer(request, connector)
            requests.append(answer)
            tensors |= {f"{index}/{name}": value for name, value in logprobs.items()}
        tensors |= {f"connector/{name}": value for name, value in connector.take().items()}
        connector.close()
        write_stage(out, f"scenario-{scenario['name']}", {"requests": requests}, tensors)

    def _answer(
        self, request: dict[str, Any], connector: Probe
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Greedy tokens, and logprobs of the prompt and of every step.

        Shapes: `prompt` (prompt length - 1,), the logprob of each prompt token
        but the first; `steps` (new tokens, vocabulary).
        """
        import torch

        inputs = self._inputs(request)
        prompt = inputs["input_ids"][0]
        with torch.inference_mode():
            forced = self.model(**inputs).logits[0].float().log_softmax(-1)
            with connector.paused():  # the same images again
                generated = self.model.generate(**inputs, generation_config=self._greedy())
        tokens = generated.sequences[0, len(prompt) :]
        steps = torch.stack([step[0].float().log_softmax(-1) for step in generated.logits])
        given = forced[:-1].gather(-1, prompt[1:, None])[:, 0]
        answer = {"prompt": prompt.tolist(), "tokens": tokens.tolist()}
        return answer, {"prompt": given, "steps": steps}

    def _greedy(self) -> Any:
        from transformers import GenerationConfig

        new_tokens = self.payload["new_tokens"]
        greedy = GenerationConfig(
            do_sample=False,
            max_new_tokens=new_tokens,
            min_new_tokens=None,
            eos_token_id=None,
            pad_token_id=0,
            output_logits=True,
            return_dict_in_generate=True,
        )
        # What the checkpoint's own generation config sets (penalties, end of
        # text) would otherwise fill the gaps of the one given.
        self.model.generation_config = greedy
        return greedy

    def _inputs(self, request: dict[str, Any]) -> Any:
        images = _images(request)
        inputs = self.processor(text=request["text"], images=images or None, return_tensors="pt")
        inputs = inputs.to(self.payload["device"])
        if "pixel_values" in inputs:
            inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        return inputs
