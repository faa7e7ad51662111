from __future__ import annotations

from dataclasses import replace

import pytest

from mmport.verification.cases import Scenario
from mmport.verification.questions import questions, scenarios
from tests.unit.verification.models import IMAGES, KNOWN, SOUNDS, UNKNOWN, VIDEOS, facts


def by_name(*given: Scenario) -> dict[str, Scenario]:
    return {scenario.name: scenario for scenario in given}


OTHERWISE = ["alone", "permuted", "long continuation", "chunked prefill"]
LITERALS = ["literal placeholder in the answer", "literal placeholder in the text"]


def test_images_are_asked_about_alone_together_and_in_a_batch() -> None:
    asked = by_name(*scenarios(UNKNOWN))
    assert list(asked) == [
        *("text", "image", "two images", "three images", "sizes", "mixed batch"),
        *OTHERWISE,
        *("prefix cache", "image embeddings"),
        *LITERALS,
    ]
    assert asked["text"].requests[0].items == ()
    assert asked["image"].requests[0].text == "USER: <image>\nWhat?\nASSISTANT:"
    assert "<image> with <image> with <image>" in asked["three images"].requests[0].text
    kinds = [len(request.items) for request in asked["mixed batch"].requests]
    assert kinds == [1, 0, 2]
    assert [name for name, scenario in asked.items() if not scenario.optional] == ["image"]


def test_what_the_modules_compute_is_recorded_of_one_request_of_each_kind() -> None:
    asked = scenarios(facts(IMAGES, VIDEOS, SOUNDS))
    recorded = [scenario for scenario in asked if scenario.record]
    assert [scenario.name for scenario in recorded] == ["text", "image", "video", "audio"]
    assert all(len(scenario.requests) == 1 for scenario in recorded)


def test_sizes_are_a_quarter_a_half_and_all_of_the_typical_one() -> None:
    sizes = by_name(*scenarios(UNKNOWN))["sizes"].requests
    assert [request.items[0].width for request in sizes] == [9, 17, 32]


def test_the_same_requests_are_sent_alone_together_and_in_another_order() -> None:
    for given in (UNKNOWN, facts(IMAGES, VIDEOS, SOUNDS)):
        asked = by_name(*scenarios(given))
        alone, permuted = asked["alone"], asked["permuted"]
        batches = [one for name, one in asked.items() if name.endswith("batch")]
        together = [request for batch in batches for request in batch.requests]
        assert alone.requests == permuted.requests == tuple(dict.fromkeys(together))
        assert alone.sent == "alone"
        assert sorted(permuted.order) == list(range(len(permuted.requests)))
        assert all(place != index for place, index in enumerate(permuted.order))


def test_a_long_answer_is_of_the_request_that_a_short_one_is_of() -> None:
    asked = by_name(*scenarios(UNKNOWN))
    assert asked["long continuation"].requests == asked["image"].requests
    assert asked["long continuation"].new_tokens > 5 * asked["image"].new_tokens


def test_a_prompt_is_cut_amid_an_item_of_each_kind() -> None:
    cut = by_name(*scenarios(facts(IMAGES, SOUNDS)))["chunked prefill"]
    assert cut.sent == "cut"
    assert [request.items[0].kind for request in cut.requests] == ["image", "audio"]


def test_the_cache_sees_the_same_text_with_the_same_item_and_with_another() -> None:
    asked = by_name(*scenarios(facts(IMAGES, SOUNDS)))
    for name in ("prefix cache, image", "prefix cache, audio"):
        scenario = asked[name]
        one, again, other, back = scenario.requests
        assert scenario.sent == "cached"
        assert one == again == back != other
        assert one.text == other.text


def test_features_are_sent_for_any_image_and_must_be_taken_where_the_parts_are_known() -> None:
    assert "image embeddings" not in by_name(*scenarios(facts(SOUNDS)))
    for given, optional in ((UNKNOWN, True), (KNOWN, False)):
        embedded = by_name(*scenarios(given))["image embeddings"]
        assert embedded.embeds
        assert embedded.optional is optional


def test_placeholders_are_said_and_given_where_they_are_known() -> None:
    asked = by_name(*scenarios(facts(IMAGES, replace(SOUNDS, token_id=None))))
    said, given = (asked[name].requests for name in LITERALS)
    assert [IMAGES.token_id in request.forced for request in said] == [True]
    assert [(request.literal, request.items) for request in given] == [(IMAGES.token_id, ())]
    assert not asked.keys() & set(LITERALS) - by_name(*scenarios(facts(VIDEOS))).keys()


def test_what_can_be_asked_of_any_engine_is_plain() -> None:
    plain = {scenario.name for scenario in scenarios(UNKNOWN) if scenario.is_plain}
    names = {"text", "image", "two images", "three images", "sizes", "mixed batch"}
    assert plain == names | {"permuted", "long continuation"}


def test_a_model_of_one_item_is_never_given_two() -> None:
    asked = questions(facts(replace(IMAGES, most_items=1)))
    assert asked.most_items() == {"image": 1, "video": 0, "audio": 0}
    assert not {"two images", "three images"} & by_name(*asked.scenarios).keys()
    assert all(len(case.request.items) == 1 for case in asked.processor_cases)


def test_every_kind_is_asked_about_and_all_together() -> None:
    asked = by_name(*scenarios(facts(IMAGES, VIDEOS, SOUNDS)))
    names = ["text", "image", "video", "audio"]
    names += ["two images", "three images", "sizes", "mixed batch"]
    names += ["two videos", "video sizes", "video batch", "audio sizes", "audio batch"]
    assert list(asked)[:14] == [*names, "image and video and audio"]
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
def test_no_two_items_of_a_batch_are_the_same(given: object) -> None:
    """An engine computes the same item once, and the features could not be told apart."""
    for scenario in scenarios(given):  # type: ignore[arg-type]
        items = [item for request in scenario.requests for item in request.items]
        if scenario.sent != "cached":
            assert len({(item.kind, item.seed) for item in items}) == len(items), scenario.name


def test_vllm_may_want_another_text() -> None:
    given = facts(replace(IMAGES, vllm_prompt="<|image|>"))
    request = by_name(*scenarios(given))["image"].requests[0]
    assert request.vllm_text == "USER: <|image|>\nWhat?\nASSISTANT:"
    assert by_name(*scenarios(UNKNOWN))["image"].requests[0].vllm_text is None


def test_the_context_is_as_long_as_the_fullest_prompt_and_the_longest_answer() -> None:
    asked = questions(UNKNOWN)
    assert asked.context_length(tokens_per_item=100) == 3 * 100 + 256 + 16
    assert asked.context_length(tokens_per_item=1) == 1 + 256 + 96
    assert replace(asked, scenarios=()).context_length(tokens_per_item=100) == 100 + 256 + 16
