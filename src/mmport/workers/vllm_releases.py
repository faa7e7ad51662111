"""Where the releases differ that the workers of vLLM's current API run on, from 0.8.5 to today.

Nothing here knows a version: what a release has is asked of it, by the names that are
there and the parameters that its functions take.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_PRELOADS = "LD_PRELOAD"

Process = Callable[[Any, Any, Mapping[str, Any]], Any]
"""Processes a prompt, its items by modality, and options of the processor."""


def mapped_name(mapper: Any, name: str) -> str | None:
    """Give the name that a class's mapper makes of HF's; None where it drops the tensor."""
    if hasattr(mapper, "apply_list"):
        found: list[str] = mapper.apply_list([name])
        return found[0] if found else None
    mapped: str | None = mapper._map_name(name)
    return mapped


def known_arguments(wanted: Mapping[str, Any], engine_arguments: Any) -> dict[str, Any]:
    """Keep what this release's engine can be told."""
    known = {field.name for field in dataclasses.fields(engine_arguments)}
    return {name: value for name, value in wanted.items() if name in known}


def make_processor(config: Any) -> Any:
    """Make the processor of a model, without a cache."""
    from vllm.multimodal import MULTIMODAL_REGISTRY

    create = MULTIMODAL_REGISTRY.create_processor
    uncached = {"disable_cache": True} if "disable_cache" in _parameters(create) else {}
    return create(config, **uncached)


def process(
    processor: Any, prompt: Any, data: Mapping[str, Any], options: Mapping[str, Any], **more: Any
) -> Any:
    """Have a processor process a prompt and its items."""
    parse = getattr(processor.info, "parse_mm_data", None)
    if parse is None:
        return processor.apply(prompt, data, options, **more)
    return processor(prompt, mm_items=parse(data), hf_processor_mm_kwargs=options, **more)


def remembering(processor: Any) -> Process | None:
    """Give a way to process prompts that share a cache; None where none is known."""
    try:
        from vllm.multimodal.cache import MultiModalProcessorOnlyCache
    except ImportError:
        return None
    from vllm.multimodal import MULTIMODAL_REGISTRY

    config = processor.info.ctx.model_config
    cache = MultiModalProcessorOnlyCache(config)
    if "cache" in _parameters(type(processor).__call__):
        return lambda *asked: process(processor, *asked, cache=cache)
    cached = MULTIMODAL_REGISTRY.create_processor(config, cache=cache)
    return lambda *asked: process(cached, *asked)


def items_by_kind(output: Any) -> dict[str, Sequence[Any]]:
    """Give the items of a processor's output, each with its tensors by name."""
    found = output["mm_kwargs"]
    if hasattr(found, "get_items"):
        return {kind: found.get_items(kind) for kind in found.modalities}
    return dict(found)


def most_items(processor: Any) -> Mapping[str, int]:
    """How many items of a kind a prompt may have, for the class and the engine."""
    for owner in (processor.info, processor):
        limits = getattr(owner, "allowed_mm_limits", None)
        if limits is not None:
            found: Mapping[str, int] = limits
            return found
    allowed: Mapping[str, int] = processor.info.get_allowed_mm_limits()
    return allowed


def stated_maxima(processor: Any, length: int, counts: Mapping[str, int]) -> Mapping[str, int]:
    """How many tokens the class itself says an item is at most, by kind; empty if it does not."""
    for name in ("get_mm_max_tokens_per_item", "get_max_tokens_per_item"):
        method = getattr(processor.info, name, None)
        if method is not None:
            return method(length, counts) or {}
    return {}


def dummy(processor: Any, length: int, counts: Mapping[str, int], kind: str) -> tuple[Any, Any]:
    """Make the class's own dummy item, and process it as the engine does when it profiles."""
    config = processor.info.ctx.model_config
    builder = getattr(processor, "get_dummy_inputs", None) or (
        processor.dummy_inputs.get_dummy_processor_inputs
    )
    options = getattr(config.get_multimodal_config(), "limit_per_prompt", None)
    given = {"mm_options": options} if "mm_options" in _parameters(builder) else {}
    inputs = builder(seq_len=length, mm_counts=counts, **given)
    if hasattr(inputs, "mm_data_items"):
        return inputs.mm_data_items[kind].get(0), _profiled(processor, config, counts)
    made = inputs.mm_data[kind]
    prompt = inputs.prompt if hasattr(inputs, "prompt") else inputs.prompt_text
    output = processor.apply(prompt, inputs.mm_data, inputs.hf_processor_mm_kwargs)
    return (made[0] if isinstance(made, list) else made), output


def _profiled(processor: Any, config: Any, counts: Mapping[str, int]) -> Any:
    if hasattr(processor, "get_dummy_mm_inputs"):
        return processor.get_dummy_mm_inputs(counts)
    from vllm.multimodal import MULTIMODAL_REGISTRY

    return MULTIMODAL_REGISTRY.get_dummy_mm_inputs(config, counts, processor=processor)


def forget(llm: Any) -> None:
    """Have an engine forget the key-values of prompts, items as processed, and features."""
    llm.reset_prefix_cache()
    (llm if hasattr(llm, "reset_mm_cache") else llm.llm_engine).reset_mm_cache()
    if hasattr(llm.llm_engine, "reset_encoder_cache"):
        llm.llm_engine.reset_encoder_cache()
        return
    # Before there was a method, a new manager and an empty store do what it does.
    scheduler = llm.llm_engine.engine_core.engine_core.scheduler
    manager = scheduler.encoder_cache_manager
    scheduler.encoder_cache_manager = type(manager)(manager.cache_size)
    model_runner(llm).encoder_cache.clear()


def model_runner(llm: Any) -> Any:
    """What runs the model, in an engine that runs in this process."""
    return llm.llm_engine.engine_core.engine_core.model_executor.driver_worker.model_runner


def hook_loading(constructing: Callable[[], None], loading: Callable[[Any], None]) -> None:
    """Be told before a model is constructed, and before its weights are loaded into it."""
    try:
        from vllm.model_executor.model_loader.default_loader import DefaultModelLoader
    except ImportError:
        hook_construction(constructing, loading)
        return
    load = DefaultModelLoader.load_weights
    create = getattr(DefaultModelLoader, "create_model", None)

    def told_load(self: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        loading(model)
        return load(self, model, *args, **kwargs)

    DefaultModelLoader.load_weights = told_load
    if create is None:
        constructing()
        return

    def told_create(self: Any, *args: Any, **kwargs: Any) -> Any:
        constructing()
        return create(self, *args, **kwargs)

    DefaultModelLoader.create_model = told_create


def hook_construction(constructing: Callable[[], None], constructed: Callable[[Any], None]) -> None:
    """Be told of a model's construction where its loading cannot be hooked.

    One function of the loader's module constructs models, and in later releases
    their language models too, while it constructs the whole.
    """
    from vllm.model_executor.model_loader import loader

    construct = loader._initialize_model
    within: list[None] = []

    def told_construct(*args: Any, **kwargs: Any) -> Any:
        constructing()
        within.append(None)
        try:
            model = construct(*args, **kwargs)
        finally:
            within.pop()
        if not within:
            constructed(model)
        return model

    loader._initialize_model = told_construct


def without_preloads() -> None:
    """Have a CPU engine start that asks for libraries by what the loader was told of.

    They make it faster; what it answers does not hang on them.
    """
    try:
        from vllm.v1.worker import cpu_worker
    except ImportError:
        return
    if _PRELOADS in inspect.getsource(cpu_worker):
        os.environ.setdefault(_PRELOADS, "libtcmalloc libiomp")


def takes_logits_processors() -> bool:
    """Tell whether an engine can be given a class that changes logits."""
    try:
        from vllm.v1.sample import logits_processor
    except ImportError:
        return False
    return hasattr(logits_processor, "AdapterLogitsProcessor")


def _parameters(function: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)
