"""The one module in which the workers tell releases apart, on what stands for each."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from mmport.workers import vllm_releases as releases
from mmport.workers.vllm_sending import FREE, force, force_in_sampler


class Today:
    """A processor that takes parsed items."""

    info = SimpleNamespace(parse_mm_data=lambda data: ("parsed", data), allowed_mm_limits={"a": 1})

    def __call__(self, prompt: Any, *, mm_items: Any, hf_processor_mm_kwargs: Any) -> Any:
        return prompt, mm_items, hf_processor_mm_kwargs


class Before:
    """A processor that parses by itself."""

    info = SimpleNamespace(get_allowed_mm_limits=lambda: {"b": 2})

    def apply(self, prompt: Any, data: Any, options: Any) -> Any:
        return prompt, data, options


class Between(Before):
    info = SimpleNamespace()

    def __init__(self) -> None:
        self.allowed_mm_limits = {"c": 3}


def test_items_are_parsed_by_whoever_does_it() -> None:
    assert releases.process(Today(), "p", {"image": 1}, {}) == ("p", ("parsed", {"image": 1}), {})
    assert releases.process(Before(), "p", {"image": 1}, {"o": 1}) == ("p", {"image": 1}, {"o": 1})


@pytest.mark.parametrize(
    ("processor", "limits"), [(Today(), {"a": 1}), (Before(), {"b": 2}), (Between(), {"c": 3})]
)
def test_limits_are_found_wherever_they_stand(processor: Any, limits: dict[str, int]) -> None:
    assert releases.most_items(processor) == limits


def test_items_are_found_in_either_form() -> None:
    batch = SimpleNamespace(modalities=["image"], get_items=lambda kind: [kind])
    assert releases.items_by_kind({"mm_kwargs": batch}) == {"image": ["image"]}
    assert releases.items_by_kind({"mm_kwargs": {"image": [1]}}) == {"image": [1]}


@pytest.mark.parametrize("name", ["get_mm_max_tokens_per_item", "get_max_tokens_per_item"])
def test_a_maximum_is_asked_by_its_name_of_the_time(name: str) -> None:
    info = SimpleNamespace(**{name: lambda length, counts: {"image": length}})
    assert releases.stated_maxima(SimpleNamespace(info=info), 7, {"image": 1}) == {"image": 7}
    assert releases.stated_maxima(SimpleNamespace(info=SimpleNamespace()), 7, {}) == {}


def test_an_engine_is_told_what_it_knows() -> None:
    @dataclass
    class Arguments:
        model: str = ""

    assert releases.known_arguments({"model": "m", "runner": "generate"}, Arguments) == {
        "model": "m"
    }


@pytest.mark.parametrize("prompt", ["prompt", "prompt_text"])
def test_the_classs_own_item_is_processed_as_others(prompt: str) -> None:
    inputs = SimpleNamespace(**{prompt: "<image>"}, mm_data={"image": ["i"]})
    inputs.hf_processor_mm_kwargs = {}
    config = SimpleNamespace(get_multimodal_config=SimpleNamespace)

    class Old(Before):
        info = SimpleNamespace(ctx=SimpleNamespace(model_config=config))
        dummy_inputs = SimpleNamespace(get_dummy_processor_inputs=lambda seq_len, mm_counts: inputs)

    made, output = releases.dummy(Old(), 8, {"image": 1}, "image")
    assert (made, output) == ("i", ("<image>", {"image": ["i"]}, {}))


class Manager:
    def __init__(self, cache_size: int) -> None:
        self.cache_size = cache_size


def engine(**runner: Any) -> Any:
    """An engine that forgets and forces by nothing of its own."""
    runner.setdefault("encoder_cache", {"hash": 1})
    core = SimpleNamespace(
        scheduler=SimpleNamespace(encoder_cache_manager=Manager(5)),
        model_executor=SimpleNamespace(
            driver_worker=SimpleNamespace(model_runner=SimpleNamespace(**runner))
        ),
    )
    inner = SimpleNamespace(
        engine_core=SimpleNamespace(engine_core=core), reset_mm_cache=lambda: None
    )
    return SimpleNamespace(llm_engine=inner, reset_prefix_cache=lambda: None)


def test_features_are_forgotten_where_there_is_no_method_for_it() -> None:
    llm = engine()
    scheduler = llm.llm_engine.engine_core.engine_core.scheduler
    before = scheduler.encoder_cache_manager
    releases.forget(llm)
    assert scheduler.encoder_cache_manager is not before
    assert scheduler.encoder_cache_manager.cache_size == 5
    assert releases.model_runner(llm).encoder_cache == {}


def test_tokens_are_forced_in_what_a_sampler_chose() -> None:
    def state(tokens: list[int] | None, said: list[int]) -> Any:
        sampling = SimpleNamespace(extra_args=None)
        if tokens is not None:
            force(sampling, tokens)
        return SimpleNamespace(sampling_params=sampling, output_token_ids=said)

    requests = {
        "free": state(None, []),
        "forced": state([7, 8], [7]),
        "by itself": state([FREE, 8], []),
        "through": state([7], [7]),
    }
    llm = engine(
        sampler=SimpleNamespace(sample=lambda *_: [1, 2, 3, 4]),
        input_batch=SimpleNamespace(req_ids=list(requests)),
        requests=requests,
    )
    force_in_sampler(llm)
    assert releases.model_runner(llm).sampler.sample(None, None) == [1, 8, 3, 4]
