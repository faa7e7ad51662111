"""Asks a started old engine what a scenario asks, in the way it says."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..capture import Recorder
from ..first_engine import NO_PIECES, FirstRunner, FirstSender
from ..tap import FeatureTap
from ..vllm_embeddings import reference_rows
from ..vllm_processing import text_of
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


class LegacyRunner(FirstRunner):
    """A started old engine, its model, and what it is asked."""

    def __init__(self, engine: Any, model: Any, context: Context) -> None:
        self.engine = engine
        self.context = context
        self.payload = dict(context.payload)
        self.sender = FirstSender(engine)
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
        return NO_PIECES if scenario["sent"] == "cut" else ""

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
