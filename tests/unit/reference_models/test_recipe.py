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
from mmport.reference_models.facts import model_types, sizes
from tests.unit.checkpoints import write_llava

HUB_CODE = Path(__file__).parents[2] / "hub_code"
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


def payload(source: Path | str, layout: str | None = None, *, old: bool = False) -> dict[str, Any]:
    opened = source if isinstance(source, str) else open_source(str(source), revision=None)
    found = recipe.find_source(opened)
    return recipe.payload(found, layout=layout, seed=3, dtype="float32", old=old)


class TestNamed:
    def test_all_is_made(self) -> None:
        told = payload("clip-llama")
        assert told["tokenizer"] == {
            "trained": sizes().vocabulary.trained,
            "special": ("<image>",),
            "words": (),
            "attributes": {},
            "begins": True,
        }
        made = told["processor"]
        assert (made["class"], made["saved"], made["image_size"]) == ("", [], 112)
        values = made["values"]
        assert values["patch_size"] == 14
        assert values["vision_feature_select_strategy"] == "default"
        assert values["num_additional_image_tokens"] == 1
        assert told["files"] == {}
        assert (told["seed"], told["auto_class"]) == (3, "AutoModelForImageTextToText")
        assert told["trust_remote_code"] is False
        image = told["items"]["image"]
        assert (image["width"], image["height"], image["prompt"]) == (224, 168, None)

    def test_siglip_adds_no_token(self) -> None:
        values = payload("siglip-qwen2")["processor"]["values"]
        assert values["num_additional_image_tokens"] == 0
        assert values["image_size"] == 76

    @pytest.mark.full(reason="every config is shrunk in each run; this adds the recipe around it")
    @pytest.mark.parametrize("model_type", model_types())
    def test_every_model_type_can_be_told(self, model_type: str) -> None:
        told = payload(model_type)
        assert told["name"] == told["config"]["model_type"] == model_type

    def test_the_models_own_layout_is_the_default(self) -> None:
        assert payload("clip-llama")["renames"] == []
        assert (
            payload("siglip-qwen2")["renames"] == payload("clip-llama", "transformers-4")["renames"]
        )

    def test_unknown_layout(self) -> None:
        with pytest.raises(Usage, match="transformers-3"):
            payload("clip-llama", "transformers-3")

    def test_it_travels_as_json(self) -> None:
        for name in ("clip-llama", "two-layers", "qwen2_vl"):
            told = payload(name)
            assert json.loads(json.dumps(told)).keys() == told.keys()


class TestRepo:
    def test_config_alone(self, tmp_path: Path) -> None:
        told = payload(write_repo(tmp_path / "repo"))
        assert told["tokenizer"] is not None
        assert told["processor"]["saved"] == []
        assert told["renames"] == []

    def test_tokenizer_is_reused_and_the_vocabulary_kept(self, tmp_path: Path) -> None:
        repo = write_repo(tmp_path / "repo", tokenizer__json={}, tokenizer_config__json={})
        told = payload(repo)
        assert told["tokenizer"] is None
        assert told["config"]["text_config"]["vocab_size"] == 32064
        assert told["files"] == {
            name: {"path": str(repo / name)} for name in ("tokenizer.json", "tokenizer_config.json")
        }

    def test_half_a_tokenizer_is_none(self, tmp_path: Path) -> None:
        told = payload(write_repo(tmp_path / "repo", vocab__json={}, tokenizer_config__json={}))
        assert told["tokenizer"] is not None
        assert told["files"] == {}

    def test_old_repo_with_image_settings_alone(self, tmp_path: Path) -> None:
        told = payload(write_repo(tmp_path / "repo", preprocessor_config__json=CLIP))
        assert told["processor"]["saved"] == ["preprocessor_config.json"]
        assert told["processor"]["values"]["patch_size"] == 14
        settings = json.loads(told["files"]["preprocessor_config.json"]["text"])
        assert settings == {
            **CLIP,
            "crop_size": {"height": 112, "width": 112},
            "size": {"shortest_edge": 112},
        }

    def test_a_processor_that_can_count_is_kept(self, tmp_path: Path) -> None:
        own = {"patch_size": 14, "image_processor": CLIP, "num_additional_image_tokens": 1}
        told = payload(write_repo(tmp_path / "repo", processor_config__json=own))
        assert told["processor"] is None
        settings = json.loads(told["files"]["processor_config.json"]["text"])
        assert settings["patch_size"] == 14
        assert settings["image_processor"]["size"] == {"shortest_edge": 112}

    @pytest.mark.parametrize("layout", get_args(KeyLayout))
    def test_the_weights_own_layout_is_the_default(self, tmp_path: Path, layout: Any) -> None:
        told = payload(write_llava(tmp_path / "repo", layout=layout))
        assert told["renames"] == payload("clip-llama", layout)["renames"]

    def test_code_of_its_own_is_not_run_unasked(self) -> None:
        repo = open_source(str(HUB_CODE / "ember"), revision=None)
        with pytest.raises(NotPortable, match="own code") as caught:
            recipe.find_source(repo)
        assert "--trust-remote-code" in caught.value.hint

    def test_code_of_its_own_goes_along(self) -> None:
        repo = open_source(str(HUB_CODE / "ember"), revision=None)
        found = recipe.find_source(repo, trust_remote_code=True)
        told = recipe.payload(found, layout=None, seed=0, dtype="float32")
        assert told["trust_remote_code"] is True
        assert told["auto_class"] == "AutoModelForCausalLM"
        assert told["tokenizer"]["special"][0] == "<|ember_image|>"
        assert {name for name in told["files"] if name.endswith(".py")} == {
            f"{kind}_ember.py" for kind in ("configuration", "modeling", "processing")
        }
        assert told["config"]["llm_config"]["hidden_size"] == 128
        assert told["config"]["image_seq_length"] == 16

    @pytest.mark.parametrize(
        ("name", "key", "token"),
        [
            ("brindle", "img_context_token_id", "<IMG_CONTEXT>"),
            ("fathom", "image_token_id", "<image>"),  # which its config.json does not name
        ],
    )
    def test_ids_are_those_of_its_own_tokens(self, name: str, key: str, token: str) -> None:
        repo = open_source(str(HUB_CODE / name), revision=None)
        found = recipe.find_source(repo, trust_remote_code=True)
        told = recipe.payload(found, layout=None, seed=0, dtype="float32")
        place = told["tokenizer"]["special"].index(token)
        assert told["config"][key] == sizes().vocabulary.trained + place

    def test_no_config(self, tmp_path: Path) -> None:
        with pytest.raises(ModelNotFound):
            payload(tmp_path)

    def test_broken_settings(self, tmp_path: Path) -> None:
        repo = write_repo(tmp_path / "repo")
        (repo / "preprocessor_config.json").write_text("{")
        with pytest.raises(MalformedSource, match=r"preprocessor_config\.json"):
            payload(repo)


class TestOldEngines:
    """What an old engine asks for: larger heads, older names, parts that name their class."""

    def test_heads_are_of_a_size_that_its_kernels_have(self) -> None:
        text = payload("clip-llama", old=True)["config"]["text_config"]
        assert text["hidden_size"] // text["num_attention_heads"] == 64

    def test_tensors_have_the_names_of_transformers_4(self) -> None:
        assert (
            payload("clip-llama", old=True)["renames"]
            == (payload("clip-llama", "transformers-4")["renames"])
        )

    def test_the_language_model_names_its_class(self) -> None:
        config = payload("llava_next-older", old=True)["config"]
        assert config["text_config"]["architectures"] == ["LlamaForCausalLM"]

    def test_files_are_written_as_before_for_these_alone(self) -> None:
        assert payload("clip-llama", old=True)["old_files"]["config"] == {"dtype": "torch_dtype"}
        assert payload("clip-llama")["old_files"] is None
