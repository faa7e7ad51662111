"""What the builder is told, from a name or from a repo with some of its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from mmport.core.errors import MalformedSource, ModelNotFound, NotPortable, Usage
from mmport.hub.opening import open_source
from mmport.model.spec import KeyLayout
from mmport.reference_models import named, recipe
from mmport.reference_models.facts import sizes
from tests.unit.checkpoints import write_llava

CLIP = {
    "crop_size": {"height": 336, "width": 336},
    "size": {"shortest_edge": 336},
    "image_mean": [0.1, 0.2, 0.3],
}


def write_repo(folder: Path, **files: Any) -> Path:
    """Write a LLaVA's config and the named JSON files (`__` for a dot)."""
    folder.mkdir()
    config = named.load("clip-llama").config
    for name, content in {"config__json": config, **files}.items():
        (folder / name.replace("__", ".")).write_text(json.dumps(content))
    return folder


def payload(source: Path | str, layout: str | None = None) -> dict[str, Any]:
    opened = source if isinstance(source, str) else open_source(str(source), revision=None)
    found = recipe.find_source(opened)
    return recipe.payload(found, layout=layout, seed=3, dtype="float32")


class TestNamed:
    def test_all_is_made(self) -> None:
        told = payload("clip-llama")
        assert told["tokenizer"] == {
            "trained": sizes().vocabulary.trained,
            "placeholder": "<image>",
            "begins": True,
        }
        assert told["processor"] == {
            "class": "LlavaProcessor",
            "settings": {
                "patch_size": 8,
                "vision_feature_select_strategy": "default",
                "num_additional_image_tokens": 1,
            },
            "placeholder_id": sizes().vocabulary.placeholder_id,
            "image_class": "CLIPImageProcessor",
            "image_settings": {
                "size": {"shortest_edge": 40},
                "crop_size": {"height": 40, "width": 40},
            },
        }
        assert told["files"] == {}
        assert (told["seed"], told["image_size"]) == (3, 40)

    def test_siglip_adds_no_token(self) -> None:
        told = payload("siglip-qwen2")["processor"]
        assert told["settings"]["num_additional_image_tokens"] == 0
        assert told["image_settings"] == {"size": {"height": 43, "width": 43}}

    def test_the_models_own_layout_is_the_default(self) -> None:
        assert payload("clip-llama")["renames"] == []
        assert (
            payload("siglip-qwen2")["renames"] == payload("clip-llama", "transformers-4")["renames"]
        )

    def test_unknown_layout(self) -> None:
        with pytest.raises(Usage, match="transformers-3"):
            payload("clip-llama", "transformers-3")

    def test_it_travels_as_json(self) -> None:
        for name in named.names():
            assert json.loads(json.dumps(payload(name))) == payload(name)


class TestRepo:
    def test_config_alone(self, tmp_path: Path) -> None:
        told = payload(write_repo(tmp_path / "repo"))
        assert told["tokenizer"] is not None
        assert told["processor"]["image_class"] == "CLIPImageProcessor"
        assert told["renames"] == []

    def test_tokenizer_is_reused_and_the_vocabulary_kept(self, tmp_path: Path) -> None:
        repo = write_repo(tmp_path / "repo", tokenizer__json={}, tokenizer_config__json={})
        told = payload(repo)
        assert told["tokenizer"] is None
        assert told["config"]["text_config"]["vocab_size"] == 32064
        assert told["files"] == {
            name: {"path": str(repo / name)} for name in ("tokenizer.json", "tokenizer_config.json")
        }
        assert told["processor"]["placeholder_id"] == 32000

    def test_half_a_tokenizer_is_none(self, tmp_path: Path) -> None:
        told = payload(write_repo(tmp_path / "repo", vocab__json={}, tokenizer_config__json={}))
        assert told["tokenizer"] is not None
        assert told["files"] == {}

    def test_old_repo_with_image_settings_alone(self, tmp_path: Path) -> None:
        told = payload(write_repo(tmp_path / "repo", preprocessor_config__json=CLIP))
        assert told["processor"]["image_class"] is None
        assert told["processor"]["settings"]["patch_size"] == 8
        settings = json.loads(told["files"]["preprocessor_config.json"]["text"])
        assert settings == {
            **CLIP,
            "crop_size": {"height": 40, "width": 40},
            "size": {"shortest_edge": 40},
        }

    def test_a_processor_that_can_count_is_kept(self, tmp_path: Path) -> None:
        own = {"patch_size": 14, "image_processor": CLIP, "num_additional_image_tokens": 1}
        told = payload(write_repo(tmp_path / "repo", processor_config__json=own))
        assert told["processor"] is None
        settings = json.loads(told["files"]["processor_config.json"]["text"])
        assert settings["patch_size"] == 8
        assert settings["image_processor"]["size"] == {"shortest_edge": 40}

    @pytest.mark.parametrize("layout", get_args(KeyLayout))
    def test_the_weights_own_layout_is_the_default(self, tmp_path: Path, layout: Any) -> None:
        told = payload(write_llava(tmp_path / "repo", layout=layout))
        assert told["renames"] == payload("clip-llama", layout)["renames"]

    def test_an_encoder_without_a_known_image_processor(self, tmp_path: Path) -> None:
        config = named.load("clip-llama").config
        vision = {"model_type": "pixtral", "image_size": 1024, "patch_size": 16}
        repo = write_repo(tmp_path / "repo", config__json={**config, "vision_config": vision})
        with pytest.raises(NotPortable, match="pixtral"):
            payload(repo)

    def test_no_config(self, tmp_path: Path) -> None:
        with pytest.raises(ModelNotFound):
            payload(tmp_path)

    def test_broken_settings(self, tmp_path: Path) -> None:
        repo = write_repo(tmp_path / "repo")
        (repo / "preprocessor_config.json").write_text("{")
        with pytest.raises(MalformedSource, match=r"preprocessor_config\.json"):
            payload(repo)
