from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmport.core.errors import MalformedSource
from mmport.hub import open_source
from mmport.inspection.families.family import Inspection
from mmport.inspection.inspector import examine
from mmport.vllm_api.catalog import resolve_target
from tests.unit.checkpoints import (
    IMAGE_TOKEN_ID,
    Encoder,
    merged,
    processor_config,
    write_json,
    write_llava,
)

PROCESSOR = "processor_config.json"
TOKENIZER = "tokenizer_config.json"
ID = IMAGE_TOKEN_ID


def model(folder: Path, *, encoder: Encoder = "clip", **files: Any) -> Inspection:
    """Write a LLaVA without weights, change its files (None: take away), and read it.

    Keywords are stems of JSON files; a dict of changes is merged into what is there.
    """
    write_llava(folder, encoder=encoder, weights=False)
    for stem, changes in files.items():
        path = folder / f"{stem}.json"
        if changes is None:
            path.unlink()
        else:
            before = json.loads(path.read_text()) if path.exists() else {}
            write_json(path, merged(before, changes))
    return examine(open_source(str(folder), revision=None), resolve_target(None))


def token(found: Inspection) -> str:
    return found.spec.placeholders[0].token


def rules(found: Inspection) -> list[str]:
    return [finding.rule.removeprefix("inspect.") for finding in found.findings]


def test_all_files_agree(tmp_path: Path) -> None:
    found = model(tmp_path)
    assert (token(found), rules(found)) == ("<image>", [])


def test_the_id_in_a_decoder_table_of_transformers_4(tmp_path: Path) -> None:
    found = model(
        tmp_path,
        tokenizer_config={
            "image_token": None,
            "added_tokens_decoder": {str(ID): {"content": "<img>", "special": True}},
        },
        tokenizer=None,
        processor_config={"image_token": "<img>"},
    )
    assert (token(found), rules(found)) == ("<img>", [])


def test_extra_special_tokens_name_the_token(tmp_path: Path) -> None:
    found = model(
        tmp_path,
        tokenizer_config={"image_token": None, "extra_special_tokens": {"image_token": "<im>"}},
        tokenizer=None,
        added_tokens={"<im>": ID},
    )
    assert token(found) == "<im>"


def test_a_token_that_only_the_vocabulary_knows(tmp_path: Path) -> None:
    found = model(
        tmp_path,
        tokenizer_config={"image_token": None},
        processor_config={"image_token": None},
        tokenizer={"added_tokens": [{"id": ID, "content": "<pic>"}]},
    )
    assert (token(found), rules(found)) == ("<pic>", ["image-token-unnamed"])


@pytest.mark.parametrize(
    "vocabulary", [{"<image>": ID}, [["x", 0.0]] * ID + [["<image>", 0.0]]], ids=["dict", "list"]
)
def test_the_default_stands_where_the_vocabulary_agrees(tmp_path: Path, vocabulary: Any) -> None:
    found = model(
        tmp_path,
        tokenizer_config={"image_token": None},
        processor_config={"image_token": None},
        tokenizer={"added_tokens": [], "model": {"vocab": vocabulary}},
    )
    assert (token(found), rules(found)) == ("<image>", [])


def test_the_default_stands_where_there_is_no_tokenizer(tmp_path: Path) -> None:
    found = model(tmp_path, tokenizer_config=None, tokenizer=None, processor_config=None)
    assert token(found) == "<image>"
    assert rules(found) == ["processor-cannot-count"]


def test_a_tokenizer_that_does_not_know_the_id_is_no_base_for_a_guess(tmp_path: Path) -> None:
    with pytest.raises(MalformedSource, match=f"token id {ID}"):
        model(
            tmp_path,
            tokenizer_config={"image_token": None},
            processor_config={"image_token": None},
            tokenizer={"added_tokens": []},
        )


def test_a_named_token_with_another_id(tmp_path: Path) -> None:
    with pytest.raises(MalformedSource, match=r"'<image>', but .* 258 is '<pad>'"):
        model(tmp_path, config={"image_token_index": 258})


@pytest.mark.parametrize("text", ["<im\nage>", " <image>", "\x1b[31m", "\ud800", "a\u202eb"])
def test_a_token_that_is_no_printable_word(tmp_path: Path, text: str) -> None:
    write_llava(tmp_path, weights=False)
    source = open_source(str(tmp_path), revision=None)
    for name in (PROCESSOR, TOKENIZER):
        values = source.read_json(name) | {"image_token": text}
        (tmp_path / name).write_text(json.dumps(values), encoding="ascii")
    with pytest.raises(MalformedSource, match="not one printable word"):
        examine(source, resolve_target(None))


@pytest.mark.parametrize("missing", ["patch_size", "vision_feature_select_strategy"])
def test_a_processor_that_cannot_count_is_warned_of(tmp_path: Path, missing: str) -> None:
    found = model(tmp_path, processor_config={missing: None})
    assert rules(found) == ["processor-cannot-count"]
    assert found.spec.placeholders[0].tokens_per_item == 4


def test_a_processor_of_before_additional_tokens_is_warned_of(tmp_path: Path) -> None:
    found = model(tmp_path, processor_config={"num_additional_image_tokens": None})
    assert rules(found) == ["processor-miscounts"]
    assert found.spec.placeholders[0].tokens_per_item == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"num_additional_image_tokens": 0},
        {"patch_size": 7},
        {"vision_feature_select_strategy": "full"},
    ],
)
def test_a_count_that_the_model_contradicts_is_an_error(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(MalformedSource, match="and the model 4 features"):
        model(tmp_path, processor_config=changes)


def test_other_settings_with_the_same_count_are_fine(tmp_path: Path) -> None:
    same = {"num_additional_image_tokens": 0, "vision_feature_select_strategy": "full"}
    assert rules(model(tmp_path, processor_config=same)) == []


@pytest.mark.parametrize(
    ("encoder", "image"),
    [
        ("clip", {"crop_size": {"height": 42, "width": 42}}),
        ("clip", {"crop_size": 42}),
        ("siglip", {"size": {"height": 28, "width": 42}}),
    ],
)
def test_images_of_another_size_than_the_encoders(
    tmp_path: Path, encoder: Encoder, image: dict[str, Any]
) -> None:
    with pytest.raises(MalformedSource, match="the encoder takes 28x28"):
        model(tmp_path, encoder=encoder, processor_config={"image_processor": image})


def test_the_image_processor_may_have_a_file_of_its_own(tmp_path: Path) -> None:
    image = processor_config("clip", "default")["image_processor"]
    with pytest.raises(MalformedSource, match="the encoder takes 28x28"):
        model(
            tmp_path,
            processor_config={"image_processor": None},
            preprocessor_config=image | {"crop_size": {"height": 14, "width": 14}},
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"patch_size": "14"},
        {"patch_size": 0},
        {"num_additional_image_tokens": -1},
        {"image_token": 5},
        {"vision_feature_select_strategy": []},
    ],
)
def test_settings_of_another_kind(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(MalformedSource, match=r"processor_config\.json is"):
        model(tmp_path, processor_config=changes)


def test_an_added_token_object_is_a_token(tmp_path: Path) -> None:
    found = model(tmp_path, processor_config={"image_token": {"content": "<image>"}})
    assert (token(found), rules(found)) == ("<image>", [])


def test_a_broken_tokenizer_file(tmp_path: Path) -> None:
    write_llava(tmp_path, weights=False)
    (tmp_path / TOKENIZER).write_text("{")
    with pytest.raises(MalformedSource, match=r"tokenizer_config\.json .* is not JSON"):
        examine(open_source(str(tmp_path), revision=None), resolve_target(None))
