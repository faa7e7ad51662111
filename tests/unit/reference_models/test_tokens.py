"""Special tokens, read from a processor's source."""

from __future__ import annotations

import ast
from typing import Any

from mmport.reference_models.facts import FamilyFacts, ItemFacts, TokenFacts, sizes
from mmport.reference_models.tokens import SpecialTokens, find_tokens, token_keys

TRAINED = sizes().vocabulary.trained


def tokens_of(
    source: str, *configs: dict[str, Any], facts: TokenFacts | None = None
) -> SpecialTokens:
    family = FamilyFacts(model_types=("nothing",), tokens=facts or TokenFacts())
    return find_tokens(family, configs, ast.parse(source))


def test_what_the_tokenizer_is_asked_for() -> None:
    found = tokens_of("class P:\n def __init__(self, tokenizer):\n  self.a = tokenizer.boi_token\n")
    assert found.attributes == {"boi_token": "<boi>"}
    assert found.ids == {"<boi>": TRAINED, "<pad>": TRAINED + 1}


def test_what_is_looked_for_first_is_not_needed_and_its_stand_in_is() -> None:
    found = tokens_of(
        "t = '<|image_pad|>' if not hasattr(tokenizer, 'image_token') else tokenizer.image_token"
    )
    assert found.attributes == {}
    assert found.tokens == ("<|image_pad|>",)


def test_defaults_of_arguments_and_assignments_name_the_tokens() -> None:
    found = tokens_of(
        "def f(self, image_break_token='[IMG_BREAK]'):\n"
        " self.audio_token = '<|AUDIO|>'\n"
        " use(tokenizer.audio_token, tokenizer.image_break_token_id)\n"
    )
    assert found.attributes == {"audio_token": "<|AUDIO|>", "image_break_token": "[IMG_BREAK]"}


def test_text_that_is_no_token_is_none() -> None:
    found = tokens_of('"""Give <image> here."""\nx = ["<a b>", "a < b", "<image> <image>", "[Ab]"]')
    assert found.tokens == ()


def test_a_config_finds_its_token_or_gets_one() -> None:
    config = {"vision_start_token_id": 7, "image_token_index": 9, "bos_token_id": 1, "size": 3}
    found = tokens_of("x = '<|vision_start|>'", config)
    assert found.tokens == ("<|vision_start|>", "<image>")
    assert found.named("vision_start") == "<|vision_start|>"


def test_what_a_user_writes_around_an_item_is_the_token_that_a_config_names() -> None:
    image = ItemFacts(prompt="<|vision_start|><|image_pad|><|other|>")
    family = FamilyFacts(model_types=("nothing",), items={"image": image})
    config = {"vision_start_token_id": 7, "vision_end_token_id": 8}
    found = find_tokens(family, [config], ast.parse(""))
    assert found.tokens == ("<|vision_start|>", "<vision_end>")


def test_keys_of_ids() -> None:
    config = {"im_start_id": 4, "pad_token_id": 0, "eos_token_id": [1], "boi_token_id": 5}
    assert token_keys(config) == {"im_start_id": "im_start", "boi_token_id": "boi"}


def test_the_image_comes_first_and_padding_last() -> None:
    facts = TokenFacts(attributes={"x_token": "<x>", "image_token": "<i>"}, words=("\n",))
    found = tokens_of("", facts=facts)
    assert list(found.ids) == ["<i>", "<x>", "\n", "<pad>"]
    assert found.rows > TRAINED + len(found.ids)
    assert found.rows % sizes().vocabulary.rows == 0


def test_a_family_may_say_which_come_first() -> None:
    facts = TokenFacts(attributes={"x_token": "<x>", "image_token": "<i>"}, first=("<b>", "<x>"))
    assert list(tokens_of("", facts=facts).ids) == ["<b>", "<x>", "<i>", "<pad>"]
