"""A repo's own class and config: whose the language model is, and what is not there."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from mmport.core.errors import MalformedSource, NotPortable
from mmport.hub.opening import open_source
from mmport.inspection.opened import OpenedModel, own_model
from mmport.model.spec import VlmSpec
from tests.unit.inspection.test_inspector import spec_of

TEXT = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 99}
MODELING = """
    from torch import nn
    from transformers import AutoModel, PreTrainedModel, Qwen2ForCausalLM, Qwen2Model
    from .configuration_x import XConfig


    class XDecoder(Qwen2Model):
        pass


    class XText(Qwen2ForCausalLM):
        def __init__(self, config):
            super().__init__(config)
            self.model = XDecoder(config)


    class X(PreTrainedModel):
        def __init__(self, config):
            super().__init__(config)
            self.tower = AutoModel.from_config(config.vision_config)
            self.llm = {made}

        def features(self, pixel_values):
            return self.tower(pixel_values).last_hidden_state

        def forward(self, input_ids=None, pixel_values=None, **kwargs):
            embeds = self.llm.get_input_embeddings()(input_ids)
            embeds[input_ids == self.config.image_token_id] = self.features(pixel_values)
            return self.llm(inputs_embeds=embeds, **kwargs)
"""
PROCESSING = """
    class XProcessor:
        def __init__(self, tokenizer=None):
            self.image_token = "<image>"

        def __call__(self, text=None, images=None):
            return text.replace(self.image_token, self.image_token * 9)
"""
PARTS = """
    from transformers import PretrainedConfig, Qwen2Config


    class XTextConfig({base}):
        model_type = "x_text"


    class XConfig(PretrainedConfig):
        def __init__(self, vision_config=None, {key}=None, image_token_id=9, **kwargs):
            self.vision_config = vision_config
            self.{key} = XTextConfig(**({key} or {{}}))
            self.image_token_id = image_token_id
            super().__init__(**kwargs)
"""
FLAT = """
    from transformers import Qwen2Config


    class XConfig(Qwen2Config):
        model_type = "x"

        def __init__(self, vision_config=None, image_token_id=9, **kwargs):
            self.vision_config = vision_config
            self.image_token_id = image_token_id
            super().__init__(**kwargs)
"""


def repo(
    folder: Path,
    configuration: str,
    made: str = "XText(config.text_config)",
    /,
    **config: Any,
) -> Path:
    """Write a repo of a model `X`."""
    texts = {
        "configuration_x": configuration,
        "modeling_x": MODELING.replace("{made}", made),
        "processing_x": PROCESSING,
    }
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(dedent(text))
    auto_map = {"AutoConfig": "configuration_x.XConfig", "AutoModel": "modeling_x.X"}
    values = {"model_type": "x", "architectures": ["X"], "auto_map": auto_map, **config}
    (folder / "config.json").write_text(json.dumps(values))
    processor = {"auto_map": {"AutoProcessor": "processing_x.XProcessor"}}
    (folder / "processor_config.json").write_text(json.dumps(processor))
    return folder


def opened(folder: Path) -> OpenedModel:
    source = open_source(str(folder), revision=None)
    found = own_model(source, source.read_json("config.json"))
    assert found is not None
    return found


def text_of(spec: VlmSpec) -> tuple[str, str | None]:
    return spec.language_model.model_type, spec.language_model.vllm_architecture


def test_a_config_that_is_the_language_models_has_its_defaults(tmp_path: Path) -> None:
    found = opened(repo(tmp_path, FLAT, **TEXT))
    assert found.text_config.model_type == "qwen2"
    assert (found.config.model_type, found.config.hidden_size) == ("x", 64)
    assert found.config.tie_word_embeddings is False
    assert found.values["num_key_value_heads"] == found.text_config.num_key_value_heads


def test_a_flat_config_is_served_as_its_base_is(tmp_path: Path) -> None:
    folder = repo(tmp_path, FLAT, "Qwen2ForCausalLM(config)", **TEXT)
    assert text_of(spec_of(folder)) == ("qwen2", "Qwen2ForCausalLM")


@pytest.mark.parametrize(
    "made", ["XText(config.text_config)", "Qwen2ForCausalLM(config.text_config)"]
)
def test_a_text_config_of_the_repos_own_is_served_as_its_base_is(tmp_path: Path, made: str) -> None:
    configuration = PARTS.format(base="Qwen2Config", key="text_config")
    found = spec_of(repo(tmp_path, configuration, made, text_config=TEXT))
    assert text_of(found) == ("qwen2", "Qwen2ForCausalLM")


@pytest.mark.full(reason="reads every text model that vLLM serves")
def test_a_decoder_that_computes_otherwise_is_refused(tmp_path: Path) -> None:
    configuration = PARTS.format(base="Qwen2Config", key="text_config")
    folder = repo(tmp_path, configuration, text_config=TEXT)
    path = folder / "modeling_x.py"
    other = "def forward(self, inputs_embeds=None):\n        return self.norm(inputs_embeds)\n"
    path.write_text(path.read_text().replace("pass\n", other, 1))
    found = spec_of(folder).language_model
    assert found.vllm_architecture is None
    assert "no text model that computes what XDecoder does" in found.not_served


def test_a_type_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    configuration = PARTS.format(base="PretrainedConfig", key="text_config")
    made = "AutoModel.from_config(config.text_config)"
    with pytest.raises(NotPortable, match="of the repo's own type 'x_text'"):
        spec_of(repo(tmp_path, configuration, made, text_config=TEXT))


@pytest.mark.parametrize("key", ["language_config", "decoder_settings"])
def test_a_part_that_transformers_would_not_find_is_refused(tmp_path: Path, key: str) -> None:
    configuration = PARTS.format(base="Qwen2Config", key=key)
    configuration = configuration.replace('"x_text"', '"qwen2"')
    with pytest.raises(NotPortable, match=f"does not say that {key} is the language model's"):
        spec_of(repo(tmp_path, configuration, **{key: {**TEXT, "model_type": "qwen2"}}))


def test_a_processor_that_is_not_there_is_said(tmp_path: Path) -> None:
    folder = repo(tmp_path, FLAT, "Qwen2ForCausalLM(config)", **TEXT)
    (folder / "processing_x.py").write_text("")
    with pytest.raises(MalformedSource, match=r"processing_x\.XProcessor', a class that the repo"):
        spec_of(folder)


@pytest.mark.parametrize("module", ["configuration_x", "modeling_x", "processing_x"])
def test_a_file_that_is_not_python_is_named(tmp_path: Path, module: str) -> None:
    folder = repo(tmp_path, FLAT, "Qwen2ForCausalLM(config)", **TEXT)
    path = folder / f"{module}.py"
    path.write_text(path.read_text() + "\ndef (:\n")
    with pytest.raises(MalformedSource, match=rf"{module}\.py is not Python"):
        spec_of(folder)


def test_nothing_of_a_repo_is_run(tmp_path: Path) -> None:
    folder = repo(tmp_path, FLAT, "Qwen2ForCausalLM(config)", **TEXT)
    mark = tmp_path / "it was run"
    for path in folder.glob("*.py"):
        path.write_text(path.read_text() + f"\nopen({str(mark)!r}, 'w')\n")
    assert spec_of(folder).architecture == "X"
    assert not mark.exists()
