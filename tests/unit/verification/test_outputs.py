from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.model.evidence import Measurement, Outcome, Stage
from mmport.verification.bounds import Floors, make_bounds
from mmport.verification.cases import Item, Request, Scenario
from mmport.verification.outputs import (
    judge_generation,
    judge_left_out,
    judge_logits,
    judge_reuse,
)
from tests.unit.verification.models import UNKNOWN
from tests.unit.verification.sides import LOGPROBS, Sides

BOUNDS = make_bounds("float32", Floors(logprobs=1e-4))
ONE = Request("<image> what", (Item("image", 1, 8, 8),))
OTHER = replace(ONE, items=(Item("image", 2, 8, 8),))
IMAGE = Scenario("image", (ONE,), new_tokens=4)
CACHED = Scenario("prefix cache", (ONE, ONE, OTHER, ONE), sent="cached", new_tokens=2)


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    return Sides(tmp_path, IMAGE)


def logits(sides: Sides) -> dict[str, Measurement]:
    found = judge_logits(sides.scenario, *sides.files(), UNKNOWN, BOUNDS)
    return {one.subject: one for one in found}


def generation(sides: Sides) -> dict[str, Measurement]:
    return {one.subject: one for one in judge_generation(sides.scenario, *sides.files(), BOUNDS)}


def reuse(sides: Sides) -> dict[str, Measurement]:
    return {one.subject: one for one in judge_reuse(sides.scenario, *sides.files(), UNKNOWN)}


def answer(sides: Sides, index: int = 0) -> dict[str, Any]:
    found = sides.vllm[index]
    assert found is not None
    return found


def say(sides: Sides, tokens: list[int]) -> None:
    """Have the engine say other tokens, with the logprobs that HF gives them."""
    answer(sides)["tokens"] = tokens
    answer(sides)["steps"] = [{str(token): float(LOGPROBS[token])} for token in tokens]


def test_equal_answers_pass(sides: Sides) -> None:
    measured = {**logits(sides), **generation(sides)}
    assert set(measured) == {"prompt 0", "answer 0", "greedy tokens 0"}
    assert {one.outcome for one in measured.values()} == {Outcome.PASSED}
    assert {one.stage for one in measured.values()} == {Stage.LOGITS, Stage.GENERATION}


@pytest.mark.parametrize("step", range(4))
def test_every_step_of_the_answer_counts_and_the_worst_is_named(sides: Sides, step: int) -> None:
    answer(sides)["steps"][step]["3"] += 0.5
    failed = logits(sides)["answer 0"]
    assert failed.outcome is Outcome.FAILED
    assert failed.figure == pytest.approx(0.5, abs=1e-5)
    assert failed.detail.startswith(f"at step {step} of 4")


@pytest.mark.parametrize("strange", [float("nan"), float("inf"), float("-inf")])
def test_a_logprob_that_is_no_number_fails(sides: Sides, strange: float) -> None:
    answer(sides)["steps"][2]["4"] = strange
    failed = logits(sides)["answer 0"]
    assert (failed.outcome, failed.figure) == (Outcome.FAILED, None)
    assert "step 2" in failed.detail


def test_a_candidate_that_hf_does_not_have_is_a_difference(sides: Sides) -> None:
    answer(sides)["steps"][0] = {"9": -1.0}
    assert logits(sides)["answer 0"].outcome is Outcome.FAILED


def test_forced_steps_stand_for_the_engine_s_own(sides: Sides) -> None:
    """What comes after other tokens is about another text, and right for it."""
    say(sides, [4, 2, 1, 1])
    answer(sides)["steps"][3] = {"1": -9.0}
    steps = [{"4": float(LOGPROBS[4])} for _ in range(4)]
    answer(sides)["forced"] = steps
    assert logits(sides)["answer 0"].outcome is Outcome.PASSED
    steps[3] = {"4": float(LOGPROBS[4]) - 0.2}
    failed = logits(sides)["answer 0"]
    assert failed.outcome is Outcome.FAILED
    assert "at step 3" in failed.detail


def test_where_nothing_could_be_forced_steps_count_up_to_the_first_other_token(
    sides: Sides,
) -> None:
    say(sides, [4, 2, 1, 1])
    answer(sides)["steps"][2] = {"1": -9.0}
    assert logits(sides)["answer 0"].outcome is Outcome.PASSED
    answer(sides)["steps"][1] = {"2": -9.0}
    assert logits(sides)["answer 0"].outcome is Outcome.FAILED


def test_other_tokens_fail_generation_and_say_where(sides: Sides) -> None:
    say(sides, [4, 4, 2, 4])
    failed = generation(sides)["greedy tokens 0"]
    assert failed.outcome is Outcome.FAILED
    assert failed.detail == "at 2: 2, expected 4"


def test_fewer_tokens_fail(sides: Sides) -> None:
    say(sides, [4, 4])
    assert generation(sides)["greedy tokens 0"].detail == "2 of them, expected 4"


def test_tokens_may_part_where_hf_has_no_favourite(sides: Sides) -> None:
    steps = sides.hf_tensors["0/steps"]
    steps[1][3] = steps[1][4]
    say(sides, [4, 3, 1, 1])
    passed = generation(sides)["greedy tokens 0"]
    assert passed.outcome is Outcome.PASSED
    assert passed.detail.startswith("HF's own choice at 1")


def test_prompts_of_other_logprobs_fail_and_placeholders_without_any_do_not(sides: Sides) -> None:
    sides.vllm_tensors["0/prompt"][0] = -np.inf  # of token 3, a placeholder
    assert logits(sides)["prompt 0"].outcome is Outcome.PASSED
    sides.vllm_tensors["0/prompt"][2] = -np.inf  # of a word
    assert logits(sides)["prompt 0"].outcome is Outcome.FAILED


def test_prompts_without_logprobs_are_noted(sides: Sides) -> None:
    del sides.vllm_tensors["0/prompt"]
    note = logits(sides)["prompt 0"]
    assert (note.outcome, note.detail) == (
        Outcome.NOT_RUN,
        "vLLM gives no logprobs of the prompt",
    )


def test_what_was_left_out_is_noted_and_not_compared(sides: Sides) -> None:
    sides.vllm[0] = None
    sides.left_out = {"0": "takes no features in place of an image"}
    (note,) = judge_left_out(sides.scenario, *sides.files())
    assert note.outcome is Outcome.NOT_RUN
    assert note.detail == "vLLM: takes no features in place of an image"
    assert logits(sides) == {}
    assert generation(sides) == {}


def cached(tmp_path: Path, *counts: int, control: int = 32) -> Sides:
    sides = Sides(tmp_path, CACHED, control=control)
    for index, count in enumerate(counts):
        answer(sides, index)["cached"] = count
    return sides


def test_the_same_prompt_is_found_in_the_cache_and_another_item_s_is_not(tmp_path: Path) -> None:
    measured = reuse(cached(tmp_path, 0, 32, 1, 32))
    assert list(measured) == ["cache hit 1", "cache miss 2", "cache hit 3"]
    assert {one.outcome for one in measured.values()} == {Outcome.PASSED}


def test_another_item_s_tokens_from_the_cache_are_a_failure(tmp_path: Path) -> None:
    """The placeholders begin at 1: what comes after is another item's."""
    failed = reuse(cached(tmp_path, 0, 32, 32, 32))["cache miss 2"]
    assert failed.outcome is Outcome.FAILED
    assert "another item begins at 1" in failed.detail


def test_the_same_item_that_is_not_found_is_a_failure_where_words_are(tmp_path: Path) -> None:
    assert reuse(cached(tmp_path, 0, 0, 0, 32))["cache hit 1"].outcome is Outcome.FAILED
    note = reuse(cached(tmp_path, 0, 0, 0, 0, control=0))["cache hit 1"]
    assert note.outcome is Outcome.NOT_RUN


def test_no_logprobs_are_expected_of_a_prompt_from_the_cache(tmp_path: Path) -> None:
    sides = cached(tmp_path, 0, 32, 1, 32)
    assert list(logits(sides)) == [f"answer {index}" for index in range(4)]


@pytest.mark.parametrize(("pieces", "outcome"), [([2, 2], Outcome.PASSED), ([4], Outcome.NOT_RUN)])
def test_a_prompt_that_was_to_be_cut_says_whether_it_was(
    tmp_path: Path, pieces: list[int], outcome: Outcome
) -> None:
    sides = Sides(tmp_path, replace(IMAGE, sent="cut"))
    answer(sides)["pieces"] = pieces
    measured = reuse(sides)["pieces 0"]
    assert measured.outcome is outcome
    assert str(pieces) in measured.detail


def test_nothing_is_said_of_caches_where_none_was_asked_for(sides: Sides) -> None:
    assert reuse(sides) == {}


@given(
    wanted=st.lists(st.integers(0, 4), min_size=1, max_size=12),
    said=st.lists(st.integers(0, 4), min_size=1, max_size=12),
)
def test_tokens_pass_only_if_equal_where_hf_has_a_favourite(
    wanted: list[int], said: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    sides = Sides(tmp_path_factory.mktemp("sides"), replace(IMAGE, new_tokens=len(wanted)))
    assert sides.hf[0] is not None
    sides.hf[0]["tokens"] = wanted
    answer(sides)["tokens"] = said
    measured = generation(sides)["greedy tokens 0"]
    assert (measured.outcome is Outcome.PASSED) == (wanted == said)
