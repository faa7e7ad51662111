from __future__ import annotations

from dataclasses import replace

import pytest

from mmport.verification.cases import Scenario
from mmport.verification.questions import processor_cases, questions, scenarios
from tests.unit.verification.models import IMAGES, KNOWN, SOUNDS, UNKNOWN, VIDEOS, facts


def by_name(*given: Scenario) -> dict[str, Scenario]:
    return {scenario.name: scenario for scenario in given}


def test_images_are_asked_about_alone_together_and_in_a_batch() -> None:
    asked = by_name(*scenarios(UNKNOWN))
    assert list(asked) == ["text", "image", "two images", "mixed batch"]
    assert asked["text"].requests[0].items == ()
    assert asked["image"].requests[0].text == "USER: <image>\nWhat?\nASSISTANT:"
    assert "<image> with <image>" in asked["two images"].requests[0].text
    kinds = [len(request.items) for request in asked["mixed batch"].requests]
    assert kinds == [1, 0, 2]
    assert [name for name, scenario in asked.items() if not scenario.optional] == ["image"]


def test_embeddings_are_sent_only_where_the_parts_are_known() -> None:
    assert "image embeddings" not in by_name(*scenarios(UNKNOWN))
    embedded = by_name(*scenarios(KNOWN))["image embeddings"]
    assert embedded.embeds


def test_a_model_of_one_item_is_never_given_two() -> None:
    asked = questions(facts(replace(IMAGES, most_items=1)))
    assert asked.most_items() == {"image": 1, "video": 0, "audio": 0}
    assert "two images" not in by_name(*asked.scenarios)
    assert all(len(case.request.items) == 1 for case in asked.processor_cases)


def test_every_kind_is_asked_about_and_all_together() -> None:
    asked = by_name(*scenarios(facts(IMAGES, VIDEOS, SOUNDS)))
    names = ["text", "image", "video", "audio", "two images", "mixed batch", "two videos"]
    assert list(asked) == [*names, "video batch", "audio batch", "image and video and audio"]
    together = asked["image and video and audio"].requests[0]
    assert [item.kind for item in together.items] == ["image", "video", "audio"]
    assert "<image> with <video> with " in together.text


def test_clips_of_a_batch_differ_in_length() -> None:
    videos = by_name(*scenarios(facts(VIDEOS)))["video batch"]
    frames = {item.frames for request in videos.requests for item in request.items}
    assert len(frames) > 1
    assert all(count >= 2 and count % 2 == 0 for count in frames)
    sounds = by_name(*scenarios(facts(replace(SOUNDS, most_items=2))))["audio batch"]
    assert len({item.seconds for request in sounds.requests for item in request.items}) > 1


@pytest.mark.parametrize("given", [KNOWN, UNKNOWN, facts(IMAGES, VIDEOS, SOUNDS)])
def test_no_two_items_are_the_same(given: object) -> None:
    """An engine keeps what it made of an item, and would answer from there."""
    asked = scenarios(given)  # type: ignore[arg-type]
    items = [item for one in asked for request in one.requests for item in request.items]
    assert len(set(items)) == len(items)
    assert len({(item.kind, item.seed) for item in items}) == len(items)


def test_only_the_first_case_of_a_kind_must_be_answered_by_hf() -> None:
    cases = processor_cases(facts(IMAGES, VIDEOS))
    assert len({case.name for case in cases}) == len(cases)
    strict = [case.request.items[0].kind for case in cases if not case.optional]
    assert strict == ["image", "video"]
    assert "three images" in {case.name for case in cases}
    assert "two videos" in {case.name for case in cases}


def test_an_option_of_the_processor_is_tried_where_the_parts_are_known() -> None:
    known = [case for case in processor_cases(KNOWN) if case.mm_processor_kwargs]
    assert [case.mm_processor_kwargs for case in known] == [{"do_normalize": False}]
    assert not any(case.mm_processor_kwargs for case in processor_cases(UNKNOWN))


def test_vllm_may_want_another_text() -> None:
    given = facts(replace(IMAGES, vllm_prompt="<|image|>"))
    request = by_name(*scenarios(given))["image"].requests[0]
    assert request.vllm_text == "USER: <|image|>\nWhat?\nASSISTANT:"
    assert by_name(*scenarios(UNKNOWN))["image"].requests[0].vllm_text is None


def test_the_context_is_as_long_as_the_fullest_prompt() -> None:
    asked = questions(UNKNOWN)
    length = asked.context_length(tokens_per_item=100, new_tokens=16)
    assert length == 2 * 100 + 192 + 16
