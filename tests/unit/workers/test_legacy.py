"""What an old engine is asked, on registries that are not there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mmport.workers.legacy.context import Context
from mmport.workers.legacy.dummy import Dummy

IMAGE = 7


class Registry:
    """One of 0.6.3: limits, options, and plugins for some kinds."""

    def __init__(self, limits: dict[str, int], declared: int = 4) -> None:
        self.limits = limits
        self._plugins = {
            kind: SimpleNamespace(get_max_multimodal_tokens=lambda _: declared) for kind in limits
        }

    def init_mm_limits_per_prompt(self, config: Any) -> None: ...

    def get_mm_limits_per_prompt(self, config: Any) -> dict[str, int]:
        return self.limits

    def map_input(self, config: Any, data: Any, mm_processor_kwargs: Any = None) -> Any: ...


class First:
    """One of 0.5.1: neither limits nor options."""

    _plugins = {"image": SimpleNamespace(get_max_multimodal_tokens=lambda _: 4)}  # noqa: RUF012

    def map_input(self, config: Any, data: Any) -> Any: ...


def context(registry: Any, *, kind: str = "image", key: str = "", data: Any = None) -> Context:
    made = object.__new__(Context)
    made.registry = registry
    made.config = SimpleNamespace(max_model_len=16)
    made.payload = {
        "data_keys": {kind: key} if key else {},
        "processor_search": {"modalities": [{"kind": kind, "token_id": IMAGE}]},
    }
    made.inputs = SimpleNamespace(dummy_data_for_profiling=lambda config, seq_len: data)
    return made


def images(count: int) -> list[dict[str, Any]]:
    return [
        {"kind": "image", "width": 8, "height": 8, "seed": number, "frames": 0}
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("registry", "items", "options", "said"),
    [
        (Registry({"image": 2}), 2, {"do_rescale": False}, ""),
        (Registry({"image": 2}), 1, {"size": {"height": 1}}, "must be plain values"),
        (Registry({"audio": 2}), 1, {}, "no plugin for image items"),
        (First(), 1, {}, ""),
        (First(), 2, {}, "one item of a kind"),
        (First(), 1, {"do_rescale": False}, "takes no options"),
    ],
)
def test_what_a_release_lacks_is_named(
    registry: Any, items: int, options: dict[str, Any], said: str
) -> None:
    refusal = context(registry).refusal(images(items), options)
    assert said in refusal if said else not refusal


def test_a_class_of_the_next_api_is_not_asked_about_mappers() -> None:
    registry = Registry({"image": 1})
    registry.has_processor = lambda _: True  # type: ignore[attr-defined]
    assert "has a processor of the API" in context(registry).refusal(images(1), {})


def test_items_are_given_under_the_key_of_the_port() -> None:
    asked = context(Registry({"sonar": 3}), kind="audio", key="sonar")
    assert asked.limits == {"audio": 3}
    clip = {"kind": "audio", "seconds": 0.01, "rate": 800, "seed": 0}
    alone, pair = asked.data([clip]), asked.data([clip, clip])
    assert list(alone) == list(pair) == ["sonar"]
    assert alone["sonar"][1] == 800
    assert len(pair["sonar"]) == 2


def test_a_prompt_of_the_first_release_has_one_item() -> None:
    assert context(First()).limits == {"image": 1}


@pytest.mark.parametrize("as_tuple", [True, False])
def test_dummy_data_is_read_in_both_its_forms(as_tuple: bool) -> None:
    sequence = SimpleNamespace(prompt_token_ids=[IMAGE] * 8 + [0] * 8)
    items = {"image": ["one", "two"]}
    data: Any = (sequence, items)
    if not as_tuple:
        data = SimpleNamespace(seq_data=sequence, multi_modal_data=items)
    dummy = Dummy(context(Registry({"image": 2}), data=data))
    assert (dummy.placeholders("image"), dummy.items("image")) == (8, ["one", "two"])
    assert dummy.declared("image") == 4
