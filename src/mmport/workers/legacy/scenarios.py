"""Asks a started old engine what a scenario asks, in the way it says."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..capture import Recorder
from ..tap import FeatureTap
from ..vllm_embeddings import reference_rows
from ..vllm_processing import text_of
from ..vllm_scenarios import Runner
from ..vllm_sending import FREE, Sender, Sent
from .context import Context

if TYPE_CHECKING:
    import torch

FEATURE_METHODS = (
    "get_multimodal_embeddings",
    "_process_image_input",
    "_process_video_input",
    "_process_audio_input",
)
"""By which classes of the first API make features; others call these inside."""
_NO_PIECES = "an old engine on the CPU computes prompts in one piece"


class LegacySender(Sender):
    """Sends prompts to an old engine, which remembers nothing between two batches."""

    def empty_caches(self) -> None:
        """Forget nothing: there is nothing to forget."""

    def _send(self, prompts: Sequence[Any], sampling: Sequence[Any]) -> list[Sent]:
        if not prompts:
            return []
        outputs = self._engine.generate(list(prompts), list(sampling), use_tqdm=False)
        return [Sent(output) for output in outputs]


class Forced:
    """Has a request answer with given tokens, and notes what the model itself would say.

    An old engine computes the logprobs of an answer after its logits were
    processed, so those of a forced answer say nothing; here they are taken before.
    """

    def __init__(self, tokens: Sequence[int], top: int) -> None:
        self.tokens = tokens
        self.top = top
        self.steps: list[dict[str, float]] = []

    def __call__(self, said: Sequence[int], logits: torch.Tensor) -> torch.Tensor:
        """Leave one token of a step's logits (vocabulary,)."""
        import torch

        logprobs = logits.float().log_softmax(-1)
        best = logprobs.topk(min(self.top, logprobs.shape[-1]))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        self.steps.append({str(token): value for token, value in pairs})
        token = self.tokens[len(said)] if len(said) < len(self.tokens) else FREE
        if token == FREE:
            return logits
        self.steps[-1][str(token)] = float(logprobs[token])
        chosen = torch.full_like(logits, float("-inf"))
        chosen[token] = 0.0
        return chosen


class LegacyRunner(Runner):
    """A started old engine, its model, and what it is asked."""

    def __init__(self, engine: Any, model: Any, context: Context) -> None:
        self.engine = engine
        self.context = context
        self.payload = dict(context.payload)
        self.sender = LegacySender(engine)
        self.model = model
        self.tap = FeatureTap(model, FEATURE_METHODS)
        self.recorder = Recorder(model, also=_takers_of_embeddings(model))

    def _refusal(
        self, scenario: Mapping[str, Any], request: Mapping[str, Any], wanted: Mapping[str, Any]
    ) -> str:
        beyond = "" if self.context.follows_newer else self.context.refusal(request["items"], {})
        if beyond:
            return beyond
        limit = self.engine.llm_engine.model_config.max_model_len
        if len(wanted["prompt"]) + len(wanted["tokens"]) > limit:
            return f"the model has {limit} positions"
        if scenario["embeds"]:
            return self.context.refuses_embeddings(request["items"][0]["kind"])
        return _NO_PIECES if scenario["sent"] == "cut" else ""

    def _must_answer(self, scenario: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
        """What a release or an old transformers cannot do is always left out, and named."""
        return not scenario["optional"] and not scenario["embeds"]

    def _prompt(
        self, scenario: Mapping[str, Any], index: int, wanted: Mapping[str, Any]
    ) -> dict[str, Any] | str:
        request = scenario["requests"][index]
        if request["literal"] is not None:
            return {"prompt_token_ids": list(wanted["prompt"])}
        prompt: dict[str, Any] = {"prompt": text_of(request, self.payload)}
        if not request["items"]:
            return prompt
        if not scenario["embeds"]:
            return {**prompt, "multi_modal_data": self.context.data(request["items"])}
        features = reference_rows(self.payload, scenario["name"], index)
        if features is None:
            return "this transformers has no method that gives the features"
        key = self.context.key(request["items"][0]["kind"])
        return {**prompt, "multi_modal_data": {key: features[None].to(self._dtype())}}

    def _dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.engine.llm_engine.model_config.dtype
        return dtype

    def _force(self, sampling: Any, tokens: Sequence[int]) -> Any:
        sampling.logits_processors = [Forced(tokens, self.payload["top_logprobs"])]
        return sampling

    def _steps_of(self, sent: Sent, sampling: Any) -> list[dict[str, float]]:
        for one in sampling.logits_processors or ():
            if isinstance(one, Forced):
                return one.steps
        return super()._steps_of(sent, sampling)

    def _control(self, prompt: Sequence[int]) -> int:
        return 0  # no prefix is ever cached


def _takers_of_embeddings(model: Any) -> tuple[str, ...]:
    """Paths of what a class calls with embeddings in place of ids: its language model."""
    return tuple(
        path
        for path, module in model.named_modules()
        if path and {"inputs_embeds", "positions"} <= set(_parameters(module))
    )


def _parameters(module: Any) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(module.forward).parameters)
    except (TypeError, ValueError):
        return ()
