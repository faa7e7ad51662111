"""Models that no table describes, read from transformers' source or the repo's own."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mmport.core.errors import MalformedSource, NotPortable
from mmport.core.jsonable import from_json, to_json
from mmport.model.spec import VlmSpec
from tests.unit.inspection.test_inspector import only_config, spec_of

HUB_CODE = Path(__file__).parents[2] / "hub_code"
METHODS = {
    "aldine": ("encode_images", ("pixel_values",), "image_token_id"),
    "brindle": ("extract_feature", ("pixel_values",), "img_context_token_id"),
    "corvid": ("embed_images", ("images",), "image_token_index"),
    "dovetail": ("get_visual_embeds", ("pixel_values", "grid_hw"), "image_token_id"),
    "ember": ("get_image_features", ("pixel_values",), "image_token_id"),
    "fathom": ("get_image_features", ("pixel_values", "image_sizes"), "image_token_id"),
    "garnet": ("encode_images", ("images",), "image_token_index"),
    "heron": ("embed_images", ("pixel_values", "grid_sizes", "slots"), ""),
}
TEXT = {
    "aldine": ("lm", "Qwen2ForCausalLM"),
    "brindle": ("language_model", "Qwen3ForCausalLM"),
    "corvid": ("model.text_model", "LlamaForCausalLM"),
    "dovetail": ("llm", "MistralForCausalLM"),
    "ember": ("llm", "Qwen2ForCausalLM"),
    "fathom": ("model.language_model", "GraniteForCausalLM"),
    "garnet": ("model", "LlamaForCausalLM"),
    "heron": ("llm", "Qwen2ForCausalLM"),
}


@cache
def spec(name: str) -> VlmSpec:
    """Read a repo of the tests, once."""
    return spec_of(HUB_CODE / name)


def test_every_repo_with_code_is_a_case() -> None:
    names = {path.name for path in HUB_CODE.iterdir() if path.is_dir()}
    assert names == set(METHODS) == set(TEXT)


@pytest.mark.parametrize("name", METHODS)
def test_a_repos_own_code_says_how_features_are_made(name: str) -> None:
    found = spec(name)
    assert found.anatomy is not None
    (method,) = found.anatomy.methods
    fields = tuple(field for _, field in method.inputs)
    assert (method.name, fields, method.token) == METHODS[name]
    assert found.modalities == ("image",)


@pytest.mark.parametrize("name", TEXT)
def test_a_repos_language_model_is_found(name: str) -> None:
    found = spec(name)
    text = found.language_model
    assert (text.path, text.vllm_architecture) == TEXT[name]


@pytest.mark.parametrize("name", METHODS)
def test_what_is_carried_is_python_and_has_no_language_model(name: str) -> None:
    found = spec(name)
    assert found.anatomy is not None
    modules = dict(found.anatomy.code)
    assert found.anatomy.module in modules
    for module, text in modules.items():
        compile(text, module, "exec")
        assert "ForCausalLM.from_config" not in text
        assert f"Carried from {module}.py of {name}" in text


def test_a_placeholder_that_is_no_feature_token() -> None:
    found = spec("brindle")
    (item,), (placeholder,) = found.items, found.placeholders
    assert (item.text, item.written) == ("processor.image_token", "placeholder")
    assert (placeholder.token, placeholder.token_id) == ("<image>", 151667)


def test_a_default_of_the_config_class_is_known() -> None:
    config = json.loads((HUB_CODE / "fathom" / "config.json").read_text())
    assert "image_token_id" not in config
    assert spec("fathom").placeholders[0].token_id > 0


def test_a_spec_survives_json() -> None:
    assert from_json(to_json(spec("dovetail")), VlmSpec) == spec("dovetail")


@pytest.mark.parametrize(
    ("model_type", "architecture", "owner", "positions"),
    [
        ("qwen2_vl", "Qwen2VLForConditionalGeneration", "Qwen2VLModel", True),
        ("got_ocr2", "GotOcr2ForConditionalGeneration", "GotOcr2Model", False),
        ("idefics3", None, "Idefics3Model", False),
    ],
)
def test_a_model_of_transformers_by_its_config_alone(
    tmp_path: Path, model_type: str, architecture: str | None, owner: str, positions: bool
) -> None:
    config: dict[str, Any] = {"model_type": model_type}
    if architecture:
        config["architectures"] = [architecture]
    anatomy = spec_of(only_config(tmp_path, config)).anatomy
    assert anatomy is not None
    assert (anatomy.owner, anatomy.path) == (owner, "model")
    assert bool(anatomy.position_inputs) is positions
    assert anatomy.code == ()


def own(tmp_path: Path, name: str = "ember", **changes: Any) -> Path:
    folder = tmp_path / name
    shutil.copytree(HUB_CODE / name, folder)
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


def test_code_of_another_repo_is_refused(tmp_path: Path) -> None:
    auto_map = {"AutoModelForCausalLM": "lab/other--modeling_ember.EmberForConditionalGeneration"}
    with pytest.raises(NotPortable, match="another repo, 'lab/other'"):
        spec_of(own(tmp_path, auto_map=auto_map))


def test_a_module_that_is_not_there_is_said(tmp_path: Path) -> None:
    folder = own(tmp_path)
    (folder / "modeling_ember.py").unlink()
    with pytest.raises(MalformedSource, match=r"modeling_ember\.py, which the repo does not have"):
        spec_of(folder)


def test_code_that_is_no_python_is_said(tmp_path: Path) -> None:
    folder = own(tmp_path)
    (folder / "modeling_ember.py").write_text("class Ember(:\n")
    with pytest.raises(MalformedSource, match="Python"):
        spec_of(folder)


def test_a_language_model_of_the_repos_own_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotPortable, match="own type 'ember_lm'"):
        spec_of(own(tmp_path, llm_config={"model_type": "ember_lm", "hidden_size": 8}))


def test_a_repo_without_a_processor_is_refused(tmp_path: Path) -> None:
    folder = own(tmp_path)
    for name in ("processor_config.json", "preprocessor_config.json"):
        (folder / name).unlink()
    with pytest.raises(NotPortable, match="no processor is known"):
        spec_of(folder)


def test_the_code_is_not_run(tmp_path: Path) -> None:
    folder = own(tmp_path)
    for path in folder.glob("*.py"):
        path.write_text(f"{path.read_text()}\nraise SystemExit('it was run')\n")
    assert spec_of(folder).anatomy is not None
