from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from mmport.reports.answers import Answer, Vocabulary, collect_answers
from tests.unit.reports.runs import Side

STEPS = np.log(np.array([[0.1, 0.6, 0.3], [0.2, 0.3, 0.5]], np.float32))
TEXTS = {"image": ["What?"]}


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Side, Side]:
    return Side(tmp_path / "hf"), Side(tmp_path / "vllm")


def collect(sides: tuple[Side, Side], model: Path) -> tuple[Answer, ...]:
    return collect_answers(sides[0].folder, sides[1].folder, Vocabulary(model), TEXTS)


def test_equal_answers_part_nowhere(sides: tuple[Side, Side], tmp_path: Path) -> None:
    sides[0].hf_answer("image", [1, 2], STEPS)
    sides[1].engine_answer("image", [1, 2], [{"1": -0.5}, {"2": -0.7}])
    (one,) = collect(sides, tmp_path)
    assert one.parted is None
    assert [token.id for token in one.hf] == [1, 2]
    assert one.hf[0].logprob == pytest.approx(np.log(0.6))
    assert one.vllm[1].logprob == -0.7
    assert (one.best_hf, one.best_vllm) == ((), ())
    assert (one.prompt, one.prompt_tokens) == ("What?", 3)


def test_the_first_other_token_is_found_with_what_each_side_prefers(
    sides: tuple[Side, Side], tmp_path: Path
) -> None:
    sides[0].hf_answer("image", [1, 2], STEPS)
    sides[1].engine_answer("image", [1, 0], [{"1": -0.5}, {"2": -0.9, "0": -0.4}])
    (one,) = collect(sides, tmp_path)
    assert one.parted == 1
    assert [token.id for token in one.best_hf] == [2, 1, 0]
    assert [(token.id, token.logprob) for token in one.best_vllm] == [(0, -0.4), (2, -0.9)]


def test_an_answer_that_ends_early_parts_there(sides: tuple[Side, Side], tmp_path: Path) -> None:
    sides[0].hf_answer("image", [1, 2], STEPS)
    sides[1].engine_answer("image", [1], [{"1": -0.5}])
    (one,) = collect(sides, tmp_path)
    assert one.parted == 1
    assert one.best_vllm == ()


def test_a_request_that_one_side_left_out_has_no_answer(
    sides: tuple[Side, Side], tmp_path: Path
) -> None:
    sides[0].hf_answer("image", [1], STEPS)
    sides[1].write("scenario-image", {"requests": [None], "left_out": {"0": "no"}}, {})
    assert collect(sides, tmp_path) == ()


def test_a_scenario_that_was_not_reached_has_no_answer(
    sides: tuple[Side, Side], tmp_path: Path
) -> None:
    sides[0].hf_answer("image", [1], STEPS)
    assert collect(sides, tmp_path) == ()


def save(tokenizer: Tokenizer, folder: Path) -> Vocabulary:
    tokenizer.save(str(folder / "tokenizer.json"))
    return Vocabulary(folder)


def test_words_keep_their_space(tmp_path: Path) -> None:
    words = {"\N{LOWER ONE EIGHTH BLOCK}cat": 0, "s": 1, "\n": 2, "\x1b": 3}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="s"))
    tokenizer.decoder = decoders.Metaspace()
    vocabulary = save(tokenizer, tmp_path)
    assert vocabulary.text(0) == " cat"
    assert vocabulary.text(1) == "s"
    assert vocabulary.text(2) == "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}"
    assert vocabulary.text(3) == "\N{REPLACEMENT CHARACTER}"
    assert vocabulary.text(99) == ""


def test_half_a_character_is_shown_by_its_name(tmp_path: Path) -> None:
    names = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {name: place for place, name in enumerate(names)}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.decoder = decoders.ByteLevel()
    vocabulary = save(tokenizer, tmp_path)
    space = words["\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}"]
    assert vocabulary.text(space).strip(" ") == ""
    half = words["\N{LATIN CAPITAL LETTER A WITH TILDE}"]
    assert vocabulary.text(half) == "\N{LATIN CAPITAL LETTER A WITH TILDE}"


def test_a_broken_tokenizer_leaves_the_ids(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{")
    assert Vocabulary(tmp_path).text(3) == ""
