"""What an old engine makes of a prompt and its items before the model sees them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from ..media import make_item

Data = dict[str, Any]


class Context:
    """A model's config, and the registries of the engine that are asked about it."""

    def __init__(self, config: Any, payload: Mapping[str, Any]) -> None:
        from vllm.inputs import INPUT_REGISTRY
        from vllm.multimodal import MULTIMODAL_REGISTRY
        from vllm.transformers_utils.tokenizer import get_tokenizer

        self.config = config
        self.payload = payload
        self.inputs = INPUT_REGISTRY
        self.registry = MULTIMODAL_REGISTRY
        self.tokenizer = get_tokenizer(
            config.tokenizer, trust_remote_code=payload["trust_remote_code"]
        )
        if self.limits_items:
            self.registry.init_mm_limits_per_prompt(config)

    def key(self, kind: str) -> str:
        """The key under which items of a kind are given: the kind, or one of the port's own."""
        return str(self.payload["data_keys"].get(kind, kind))

    def plugin(self, kind: str) -> Any:
        """What the registry has for items of a kind; None where it has nothing."""
        return self.registry._plugins.get(self.key(kind))

    @property
    def limits(self) -> dict[str, int]:
        """How many items of a kind a prompt may have, of those that the model is asked about."""
        asked = [one["kind"] for one in self.payload["processor_search"]["modalities"]]
        given = self.registry.get_mm_limits_per_prompt(self.config) if self.limits_items else {}
        return {kind: given.get(self.key(kind), 1) for kind in asked if self.plugin(kind)}

    def data(self, items: Sequence[Mapping[str, Any]]) -> Data:
        """Make items as users give them: by key, one of a kind by itself."""
        made: dict[str, list[Any]] = {}
        for item in items:
            value = make_item(item)
            made.setdefault(self.key(item["kind"]), []).append(
                (value, item["rate"]) if item["kind"] == "audio" else value
            )
        return {key: values[0] if len(values) == 1 else values for key, values in made.items()}

    @property
    def limits_items(self) -> bool:
        """Whether the release has limits per prompt; before, a prompt has one item of a kind."""
        return hasattr(self.registry, "init_mm_limits_per_prompt")

    @cached_property
    def model_class(self) -> Any:
        """The class that the engine runs."""
        from vllm.model_executor.model_loader import get_model_architecture

        return get_model_architecture(self.config)[0]

    @property
    def takes_options(self) -> bool:
        """Whether a request may have options for the processor."""
        return "mm_processor_kwargs" in inspect.signature(self.registry.map_input).parameters

    @property
    def follows_newer(self) -> str:
        """Say why the first API has no part in this class; empty if it has."""
        has_processor = getattr(self.registry, "has_processor", None)
        if has_processor is not None and has_processor(self.config):
            return "the class has a processor of the API that came after, and no mapper"
        return ""

    def refusal(self, items: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> str:
        """Say why the release itself does not take a request; empty if it does."""
        if self.follows_newer:
            return self.follows_newer
        kinds = [item["kind"] for item in items]
        for kind in dict.fromkeys(kinds):
            if self.plugin(kind) is None:
                return f"this release has no plugin for {kind} items"
            if kinds.count(kind) > 1 and not self.limits_items:
                return "this release takes one item of a kind in a prompt"
        if options and not self.takes_options:
            return "this release takes no options of a processor"
        if any(isinstance(value, (dict, list)) for value in options.values()):
            return "this release keeps processors by their options, which must be plain values"
        return ""

    def refuses_embeddings(self, kind: str) -> str:
        """Say why the release takes no features in place of an item; empty if it does."""
        import torch
        from vllm.inputs import InputContext

        try:
            self.plugin(kind)._default_input_mapper(InputContext(self.config), torch.zeros(1, 1, 1))
        except Exception as error:
            return f"this release's plugin takes no {kind} embeddings: {type(error).__name__}"
        return ""

    def processed(
        self, text: str, data: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Have the class's input processor expand a prompt's placeholders.

        Args:
            text: of the prompt.
            data: its items, as users give them.
            options: for the processor; none where the release takes none.
        """
        inputs: dict[str, Any] = {
            "type": "token",
            "prompt": text,
            "prompt_token_ids": self.tokenizer.encode(text),
            "multi_modal_data": dict(data) or None,
        }
        if self.takes_options:
            inputs["mm_processor_kwargs"] = dict(options)
        done: dict[str, Any] = self.inputs.process_input(self.config, inputs)
        return done

    def mapped(self, data: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        """Have the class's mappers make the model's keywords of items."""
        mapper = self.registry.create_input_mapper(self.config)
        return dict(mapper(data, dict(options)) if self.takes_options else mapper(data))
