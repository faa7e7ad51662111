"""Asks a loaded HuggingFace model what a scenario asks, one request after the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .capture import Recorder, find_decoder
from .dead_weights import idle_buffers, parameters_without_gradient
from .exchange import is_memory_error, write_stage
from .greedy import generate_greedily
from .hf_processing import Caller, item_tensors
from .neighbours import Alone, change_by_neighbours, each_alone, single_requests, values_alone
from .probes import Probe, find_module
from .tap import HF_METHODS, FeatureTap

if TYPE_CHECKING:
    from pathlib import Path

    import torch

_FREE = -1
"""Stands among forced tokens where the model chooses."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What HF says to a request: an entry of the document, and tensors by name.

    Tensors: `prompt` (prompt length - 1,), the logprob of each prompt token but
    the first, no number where the model has no output for it; absent where the
    prompt is no part of the output. `steps` (new tokens, vocabulary). Of the
    items: `features/CALL` and `connector/input`, `connector/output`, as rows.
    """

    entry: dict[str, Any]
    tensors: dict[str, torch.Tensor]


class Reference:
    """The loaded HF model, and what is asked of it."""

    def __init__(self, model: Any, caller: Caller, payload: dict[str, Any]) -> None:
        self.model = model
        self.caller = caller
        self.payload = payload
        self.tap = FeatureTap(model, HF_METHODS)
        self.recorder = Recorder(model, also=(find_decoder(model),))
        path = payload["connector"]
        self._connector = Probe(find_module(model, path)) if path else None
        self._known: dict[str, _Answer | Exception] = {}
        self._alone: dict[str, Alone] = {}

    def write_scenario(self, scenario: dict[str, Any], out: Path) -> None:
        """Answer each request of a scenario by itself, as the reference.

        What HF refuses is left out where the scenario is optional: the request
        has no answer then, and the reason stands beside it. The tensors of
        request N are named `N/prompt`, `N/steps`, `features/N/CALL` and
        `connector/N/…`.
        """
        requests: list[dict[str, Any] | None] = []
        left_out: dict[str, str] = {}
        tensors: dict[str, torch.Tensor] = {}
        for index, request in enumerate(scenario["requests"]):
            answer = self._answer(request, scenario, out)
            if isinstance(answer, Exception):
                if is_memory_error(answer) or not scenario["optional"]:
                    raise answer
                left_out[str(index)] = f"{type(answer).__name__}: {answer}"
                requests.append(None)
                continue
            requests.append(answer.entry)
            tensors |= {_numbered(name, index): value for name, value in answer.tensors.items()}
            if scenario["embeds"]:
                tensors |= self._sizes(request, index)
        document = {"requests": requests, "left_out": left_out}
        write_stage(out, f"scenario-{scenario['name']}", document, tensors)

    def parameters_without_part(self) -> set[str]:
        """Name the parameters that the logits of no typical request depend on.

        None is named where HF answers no request at all.
        """
        import torch

        for parameter in self.model.parameters():
            parameter.requires_grad_(True)
        answered = 0
        for request in self.payload["typical"]:
            try:
                with torch.enable_grad(), self.tap.paused():
                    logits = self.model(**self.inputs(request)).logits
                    logits.float().sum().backward()
            except Exception as error:
                if is_memory_error(error):
                    raise
                continue  # as a scenario it is left out, with the reason
            answered += 1
        idle = parameters_without_gradient(self.model) if answered else set()
        idle |= idle_buffers(self.model, idle)
        self.model.zero_grad(set_to_none=True)
        return idle

    def inputs(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Process a request; floating inputs come in the model's dtype."""
        inputs = self.caller(request["text"], request["items"], {})
        if request["literal"] is not None:
            inputs = _with_literal(inputs, request["literal"])
        return {name: self._placed(value) for name, value in inputs.items()}

    def alone(self, request: Mapping[str, Any]) -> Alone:
        """Each item by itself, where HF's features of it change with its neighbours."""
        key = json.dumps([request["text"], request["items"]], sort_keys=True)
        if key not in self._alone:
            self._alone[key] = self._changed_by_neighbours(request)
        return self._alone[key]

    def _changed_by_neighbours(self, request: Mapping[str, Any]) -> Alone:
        import torch

        singles = single_requests(request, self.payload["typical"])
        if not singles or self._is_encoder_decoder():
            return Alone()
        with torch.inference_mode(), self._unrecorded():
            inputs = [self.inputs(one) for one in singles]
            values = values_alone(self.tap, self._run, inputs)
            change = change_by_neighbours(self.tap, self._run, self.inputs(request), values)
        return Alone(inputs, values, change) if change > 1 else Alone()

    def _is_encoder_decoder(self) -> bool:
        return bool(getattr(self.model.config, "is_encoder_decoder", False))

    def _run(self, inputs: Mapping[str, Any]) -> Any:
        return self.model(**inputs)

    @contextmanager
    def _unrecorded(self) -> Iterator[None]:
        with ExitStack() as paused:
            paused.enter_context(self.tap.paused())
            if self._connector is not None:
                paused.enter_context(self._connector.paused())
            yield

    def _answer(
        self, request: dict[str, Any], scenario: dict[str, Any], out: Path
    ) -> _Answer | Exception:
        """Answer a request, or give the answer that it had in an earlier scenario."""
        key = _key(request, scenario)
        if key not in self._known:
            recording: AbstractContextManager[None] = nullcontext()
            if scenario["record"]:
                recording = self.recorder.recording(out / f"capture-{scenario['name']}")
            try:
                alone = self.alone(request)
                with recording, each_alone(self.tap, alone.values):
                    answer = self._computed(request, scenario["new_tokens"])
                if alone.inputs:
                    answer.entry["neighbours"] = alone.change
                self._known[key] = answer
            except Exception as error:
                self._known[key] = error
                self._taken()
        return self._known[key]

    def _computed(self, request: dict[str, Any], new_tokens: int) -> _Answer:
        import torch

        inputs = self.inputs(request)
        prompt = inputs["input_ids"][0]
        tensors: dict[str, torch.Tensor] = {}
        with torch.inference_mode(), ExitStack() as unrecorded:
            if not self._is_encoder_decoder():
                tensors["prompt"] = _prompt_logprobs(self.model(**inputs).logits[0], prompt)
                # The same items again.
                unrecorded.enter_context(self._unrecorded())
            if request["forced"]:
                unrecorded.enter_context(_saying(request["forced"]))
            length = self._new_tokens(len(prompt), new_tokens)
            tokens, logits = generate_greedily(self.model, inputs, length)
        tensors["steps"] = logits.log_softmax(-1)
        return _Answer({"prompt": prompt.tolist(), "tokens": tokens}, tensors | self._taken())

    def _taken(self) -> dict[str, torch.Tensor]:
        """Give what was recorded of the items since the last call, and forget it."""
        taken = {f"features/{call}": rows for call, rows in enumerate(self.tap.take())}
        if self._connector is not None:
            parts = self._connector.take()
            taken |= {f"connector/{name}": value for name, value in parts.items()}
        return taken

    def _new_tokens(self, prompt: int, wanted: int) -> int:
        """As many as are wanted; of a long answer, no more than the model has positions for."""
        limit = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        if not isinstance(limit, int) or limit <= 0:
            return wanted
        usual: int = self.payload["new_tokens"]
        return min(wanted, max(limit - prompt, usual))

    def _sizes(self, request: dict[str, Any], index: int) -> dict[str, torch.Tensor]:
        """What the processor counts of the items: some classes want it beside the features."""
        inputs = self.caller(request["text"], request["items"], {})
        return {
            f"counts/{index}/{name}": value
            for name, value in item_tensors(inputs).items()
            if not value.is_floating_point() or value.numel() == len(request["items"])
        }

    def _placed(self, value: Any) -> Any:
        import torch

        if isinstance(value, torch.Tensor):
            dtype = self.model.dtype if value.is_floating_point() else value.dtype
            return value.to(self.payload["device"], dtype)
        if isinstance(value, (list, tuple)):
            return type(value)(self._placed(item) for item in value)
        return value


def _key(request: Mapping[str, Any], scenario: Mapping[str, Any]) -> str:
    """What a request's answer hangs on: in which scenario it is asked does not matter."""
    return json.dumps([request, scenario["new_tokens"]], sort_keys=True)


def _numbered(name: str, index: int) -> str:
    """Put a request's number in the name of a tensor."""
    group, _, rest = name.partition("/")
    return f"{group}/{index}/{rest}" if rest else f"{index}/{name}"


def _with_literal(inputs: Mapping[str, Any], literal: int) -> dict[str, Any]:
    """Put a token amid a prompt without items, and make the rest of the inputs fit.

    Of what goes with the ids, the mask lets the token be seen, and nothing else
    says anything of it: for the processor it would have been text.
    """
    import torch

    ids = torch.as_tensor(inputs["input_ids"]).reshape(1, -1)
    middle = ids.shape[1] // 2

    def widened(values: torch.Tensor, value: int) -> torch.Tensor:
        added = torch.full((1, 1), value, dtype=values.dtype)
        return torch.cat([values[:, :middle], added, values[:, middle:]], dim=1)

    beside = {
        name: value
        for name, value in inputs.items()
        if isinstance(value, torch.Tensor) and value.shape == ids.shape and name != "input_ids"
    }
    return {
        **inputs,
        **{name: widened(value, int(name == "attention_mask")) for name, value in beside.items()},
        "input_ids": widened(ids, literal),
    }


@contextmanager
def _saying(forced: Sequence[int]) -> Iterator[None]:
    """Have models say given tokens.

    Not by an argument of `generate`: classes that have one of their own drop what
    their text mode does not know (Janus), or have a model inside generate (BLIP-2).
    """
    from transformers import GenerationMixin

    usual = GenerationMixin._get_logits_processor

    def with_forced(model: Any, *args: Any, **kwargs: Any) -> Any:
        found = usual(model, *args, **kwargs)
        found.append(_forcing(forced))
        return found

    GenerationMixin._get_logits_processor = with_forced
    try:
        yield
    finally:
        GenerationMixin._get_logits_processor = usual


def _forcing(forced: Sequence[int]) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Make a processor of logits that leaves one token a step; called once a step."""
    left = iter(forced)

    def force(_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        import torch

        token = next(left, _FREE)
        if token == _FREE:
            return scores
        if token >= scores.shape[-1]:
            raise ValueError(f"the model has no output for token {token}, so it cannot say it")
        chosen = torch.full_like(scores, -torch.inf)
        chosen[:, token] = 0.0
        return chosen

    return force


def _prompt_logprobs(logits: torch.Tensor, prompt: torch.Tensor) -> torch.Tensor:
    """The logprob of each prompt token but the first, given those before it."""
    import torch

    logprobs = logits[: len(prompt) - 1].float().log_softmax(-1)
    ids = prompt[1:]
    known = ids < logprobs.shape[-1]
    given = logprobs.gather(-1, torch.where(known, ids, 0)[:, None])[:, 0]
    return torch.where(known, given, torch.nan)
