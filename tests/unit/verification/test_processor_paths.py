from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmport.model.evidence import Measurement, Outcome
from mmport.verification.processor_paths import judge_paths
from mmport.verification.stage_files import StageFiles

FAILED, PASSED, NOTED = Outcome.FAILED, Outcome.PASSED, Outcome.NOT_RUN
IDS = [1, 3, 3, 7]


def hf() -> dict[str, Any]:
    request = {"text": "<image> and <image>", "items": [{"kind": "image"}]}
    return {
        "seed": 5,
        "tokenized": {},
        "chats": {"image": {"ids": IDS}},
        "literals": {"image beside": {"request": request, "refused": "ValueError: two"}},
    }


def vllm() -> dict[str, Any]:
    return {
        "tokens": {"8x8": {"ids": IDS, "spans": [[1, 2]], "positions": [1, 2]}},
        "chats": {"image": {"ids": IDS}},
        "literals": {"image beside": {"ids": [1, 3, 3, 3, 7], "spans": [[1, 2]]}},
        "cached": [{"name": "image AB", "items": 2, "hits": 1, "differences": []}],
    }


@pytest.fixture
def judged(tmp_path: Path) -> Any:
    def run(expected: dict[str, Any], found: dict[str, Any]) -> dict[str, Measurement]:
        case = {"ids": IDS, "spans": [[1, 2]], "positions": [1, 2]}
        for name, document in (("hf", expected), ("vllm", found)):
            (tmp_path / name).mkdir(exist_ok=True)
            request = {"items": [{"kind": "image"}]}
            asked = {"asked": {"drawn": True, "request": request, "mm_processor_kwargs": {}}}
            (tmp_path / name / "processor.json").write_text(json.dumps({"8x8": case | asked}))
            (tmp_path / name / "processor-paths.json").write_text(json.dumps(document))
        sides = StageFiles(tmp_path / "hf"), StageFiles(tmp_path / "vllm")
        return {f"{one.scenario}: {one.subject}": one for one in judge_paths(*sides)}

    return run


def outcomes(measured: dict[str, Measurement]) -> dict[str, Outcome]:
    return {name: one.outcome for name, one in measured.items()}


def test_equal_ways_pass_and_the_seed_is_told(judged: Any) -> None:
    measured = judged(hf(), vllm())
    assert outcomes(measured) == {
        "search: drawn sizes": PASSED,
        "token prompts: ids of 8x8": PASSED,
        "token prompts: positions of 8x8": PASSED,
        "cached items: image AB": PASSED,
        "chat: image": PASSED,
        "literal placeholder: image beside": NOTED,
    }
    assert measured["search: drawn sizes"].detail == "1 items of seed 5"
    assert measured["cached items: image AB"].detail == "1 of 2 from the cache"


def test_tokens_must_become_what_text_becomes(judged: Any) -> None:
    found = vllm()
    found["tokens"]["8x8"]["ids"] = [1, 3, 7]
    assert outcomes(judged(hf(), found))["token prompts: ids of 8x8"] is FAILED
    found["tokens"]["8x8"] = {"error": "ValueError: no placeholder"}
    assert outcomes(judged(hf(), found))["token prompts: 8x8"] is FAILED


def test_an_exchanged_item_of_the_cache_fails(judged: Any) -> None:
    found = vllm()
    found["cached"][0]["differences"] = ["image 2 of 2: pixel_values is another by 0.5 at most"]
    measured = judged(hf(), found)["cached items: image AB"]
    assert measured.outcome is FAILED
    assert "1 of 2 from the cache" in measured.detail


@pytest.mark.parametrize(
    ("wanted", "given", "outcome"),
    [
        ([1, 3, 3, 7], [1, 3, 7], FAILED),
        ([1, 3, 3, 7], [1, 1, 3, 3, 7], FAILED),
        ([1, 3, 3, 7], [3, 3, 7], NOTED),
        ([1, 3, 3, 7, 2], [3, 3, 7], NOTED),
        ([1, 3, 3, 7], [3, 7], FAILED),
    ],
)
def test_chats_may_lack_what_their_template_does_not_write(
    judged: Any, wanted: list[int], given: list[int], outcome: Outcome
) -> None:
    expected, found = hf(), vllm()
    expected["chats"]["image"] = {"ids": wanted}
    found["chats"]["image"] = {"ids": given}
    assert outcomes(judged(expected, found))["chat: image"] is outcome


def test_a_double_beginning_of_text_is_named(judged: Any) -> None:
    found = vllm()
    found["chats"]["image"] = {"ids": [1, *IDS]}
    assert "it begins with 1 twice" in judged(hf(), found)["chat: image"].detail


@pytest.mark.parametrize(
    ("wanted", "given", "outcome"),
    [
        ({"refused": "ValueError: two"}, {"error": "ValueError: two"}, PASSED),
        ({"refused": "ValueError: two"}, {"ids": [3], "spans": [[0, 3]]}, FAILED),
        ({"refused": "ValueError: two"}, {"ids": [3], "spans": []}, FAILED),
        ({"ids": [1, 3], "placeholders": 3}, {"ids": [1, 3], "spans": []}, PASSED),
        ({"ids": [1, 3], "placeholders": 3}, {"ids": [1, 4], "spans": []}, FAILED),
        ({"ids": [1, 3], "placeholders": 4}, {"ids": [1, 4], "spans": []}, NOTED),
        ({"ids": [1, 3], "placeholders": 3}, {"error": "ValueError: two"}, FAILED),
    ],
)
def test_a_literal_must_not_stretch_or_shift_an_item(
    judged: Any, wanted: dict[str, Any], given: dict[str, Any], outcome: Outcome
) -> None:
    expected, found = hf(), vllm()
    expected["literals"]["image beside"] = {
        "request": expected["literals"]["image beside"]["request"],
        **wanted,
    }
    found["literals"]["image beside"] = given
    assert outcomes(judged(expected, found))["literal placeholder: image beside"] is outcome
