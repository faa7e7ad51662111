from __future__ import annotations

from dataclasses import replace

from mmport.verification.processor_questions import SEED, processor_cases, processor_search
from tests.unit.verification.models import IMAGES, SOUNDS, VIDEOS, facts


def test_only_the_typical_item_of_a_kind_must_be_answered_by_hf() -> None:
    cases = processor_cases(facts(IMAGES, VIDEOS, SOUNDS))
    assert len({case.name for case in cases}) == len(cases)
    strict = [case.request.items[0].kind for case in cases if not case.optional]
    assert strict == ["image", "video", "audio"]
    assert {"three images", "two videos"} <= {case.name for case in cases}
    assert cases[0].name == "32x32"


def test_a_model_of_one_item_is_never_given_two() -> None:
    (case,) = processor_cases(facts(replace(IMAGES, most_items=1)))
    assert len(case.request.items) == 1


def test_the_items_of_a_prompt_differ_in_size_and_content() -> None:
    several = processor_cases(facts(IMAGES))[1].request.items
    assert len({(item.width, item.height) for item in several}) == 3
    assert len({item.seed for item in several}) == 3


def test_the_workers_are_told_what_is_typical_and_how_to_ask() -> None:
    search = processor_search(facts(replace(IMAGES, vllm_prompt="<|image|>"), SOUNDS))
    assert search["seed"] == SEED
    assert "{items}" in search["question"]
    image, sound = search["modalities"]
    assert (image["kind"], image["prompt"], image["vllm_prompt"]) == (
        "image",
        "<image>",
        "<|image|>",
    )
    assert (image["width"], image["height"]) == (32, 32)
    assert (sound["seconds"], sound["rate"], sound["vllm_prompt"]) == (2.0, 16000, None)
