"""The tokenizer that is made offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mmport.reference_models.facts import sizes
from mmport.reference_models.tokens import PAD, SpecialTokens
from mmport.workers.tiny_tokenizer import chat_template, train_tokenizer

OWN = sizes().vocabulary


@pytest.fixture(scope="module", params=[True, False], ids=["begins", "plain"])
def tokenizer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """As it is once loaded from disk."""
    from transformers import AutoTokenizer

    folder: Path = tmp_path_factory.mktemp("tokenizer")
    made = train_tokenizer(
        OWN.trained,
        ["<image>", "<|other|>"],
        ["word"],
        {"image_token": "<image>"},
        begins=request.param,
    )
    made.save_pretrained(folder)
    template = chat_template({"image": "<image>", "audio": "[AUDIO]\\é"})
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    loaded = AutoTokenizer.from_pretrained(folder)
    loaded.begins = request.param
    return loaded


def test_ids_are_where_the_shrunk_config_expects_them(tokenizer: Any) -> None:
    assert tokenizer.bos_token_id == OWN.bos_token_id
    assert tokenizer.eos_token_id == OWN.eos_token_id
    tokens = SpecialTokens(("<image>", "<|other|>"), {"image_token": "<image>"}, ("word",))
    for token, index in tokens.ids.items():
        assert tokenizer.convert_tokens_to_ids(token) == index
    assert tokenizer.pad_token_id == tokens.ids[PAD] == len(tokenizer) - 1
    assert len(tokenizer) < tokens.rows
    assert tokenizer.image_token == "<image>"


@pytest.mark.parametrize(
    "text", ["What is shown?", " spaces  and\nlines\n", "äöü 漢字 🙂", "", "<image>\nHello"]
)
def test_any_text_survives(tokenizer: Any, text: str) -> None:
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids[1:] if tokenizer.begins else ids) == text


def test_beginning_of_text(tokenizer: Any) -> None:
    assert (tokenizer("a")["input_ids"][0] == OWN.bos_token_id) is tokenizer.begins


@pytest.mark.parametrize(
    "content",
    [
        [{"type": "image"}, {"type": "text", "text": "What?"}],
        [{"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {}}],
        "<image>\nWhat?",
    ],
    ids=["image", "url", "text"],
)
def test_chat(tokenizer: Any, content: Any) -> None:
    messages = [{"role": "user", "content": content}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == "USER: <image>\nWhat? ASSISTANT:"


def test_chat_about_several_kinds(tokenizer: Any) -> None:
    content = [{"type": "audio"}, {"type": "image"}, {"type": "text", "text": "What?"}]
    text = tokenizer.apply_chat_template([{"role": "user", "content": content}], tokenize=False)
    assert text == "USER: [AUDIO]\\é\n<image>\nWhat? "


def test_chat_of_several_turns(tokenizer: Any) -> None:
    messages = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "Bye"},
    ]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == "USER: Hello ASSISTANT: Hi</s>USER: Bye ASSISTANT:"


def test_too_many_tokens_for_the_text() -> None:
    with pytest.raises(RuntimeError, match="not 9999"):
        train_tokenizer(9999, ["<image>"], [], {}, begins=True)
