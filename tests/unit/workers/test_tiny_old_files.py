"""A checkpoint's files as transformers 4 wrote them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmport.reference_models.facts import old_files
from mmport.workers.tiny_old_files import write_old_files

CONFIG = {
    "model_type": "llava",
    "dtype": "float32",
    "text_config": {
        "dtype": "float32",
        "rope_parameters": {"rope_type": "default", "rope_theta": 5000.0},
    },
    "vision_config": {"image_size": 112},
}
TOKENIZER = {"model": {"merges": [["a", "b"], "c d"]}, "added_tokens": []}
TOKENIZER_CONFIG = {
    "backend": "tokenizers",
    "tokenizer_class": "TokenizersBackend",
    "extra_special_tokens": ["<image>"],
    "is_local": True,
}
PROCESSOR = {
    "image_processor": {"image_processor_type": "LlavaImageProcessor", "size": {"height": 112}},
    "patch_size": 14,
    "processor_class": "LlavaProcessor",
}


def rewritten(folder: Path, **files: Any) -> dict[str, Any]:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    write_old_files(folder, old_files())
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}


def test_a_config_is_told_in_the_old_words(tmp_path: Path) -> None:
    assert rewritten(tmp_path, config=CONFIG)["config"] == {
        "model_type": "llava",
        "torch_dtype": "float32",
        "text_config": {"torch_dtype": "float32", "rope_theta": 5000.0},
        "vision_config": {"image_size": 112},
    }


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"rope_type": "linear", "factor": 2.0}, {"rope_type": "linear", "factor": 2.0}),
        ({"rope_type": "default", "rope_theta": 1.0}, None),
        (
            {"rope_type": "default", "mrope_section": [1, 2, 3]},
            {"rope_type": "default", "mrope_section": [1, 2, 3]},
        ),
    ],
)
def test_a_rotary_embedding_that_is_scaled_stays_so(
    tmp_path: Path, given: dict[str, Any], told: dict[str, Any] | None
) -> None:
    config = rewritten(tmp_path, config={"rope_parameters": given})["config"]
    assert config.get("rope_scaling") == told


def test_a_share_of_a_head_that_is_rotated_stands_beside(tmp_path: Path) -> None:
    rope = {"rope_type": "default", "rope_theta": 1.0, "partial_rotary_factor": 0.5}
    config = rewritten(tmp_path, config={"rope_parameters": rope})["config"]
    assert config == {"rope_theta": 1.0, "partial_rotary_factor": 0.5}


def test_a_tokenizer_is_one_of_strings(tmp_path: Path) -> None:
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    found = rewritten(tmp_path, tokenizer=TOKENIZER, tokenizer_config=TOKENIZER_CONFIG)
    assert found["tokenizer"]["model"]["merges"] == ["a b", "c d"]
    assert found["tokenizer_config"] == {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "additional_special_tokens": ["<image>"],
        "model_input_names": ["input_ids", "attention_mask"],
        "chat_template": "{{ messages }}",
    }


def test_parts_of_a_processor_have_a_file_of_their_own(tmp_path: Path) -> None:
    found = rewritten(tmp_path, processor_config=PROCESSOR)
    assert found == {
        "processor_config": {"patch_size": 14, "processor_class": "LlavaProcessor"},
        "preprocessor_config": {
            "image_processor_type": "CLIPImageProcessor",
            "size": {"height": 112},
            "processor_class": "LlavaProcessor",
        },
    }


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert rewritten(tmp_path) == {}


def test_what_is_old_stays_as_it_is(tmp_path: Path) -> None:
    once = rewritten(tmp_path, config=CONFIG, tokenizer=TOKENIZER, processor_config=PROCESSOR)
    assert rewritten(tmp_path) == once
