"""What is said of models that no port is made of, from transformers' own source."""

from __future__ import annotations

from typing import Any

import pytest

from mmport.anatomy.classes import library_module
from mmport.anatomy.features.modeling import read_anatomy
from mmport.core.errors import NotPortable
from mmport.core.source_tree import SourceTree, package_folder


@pytest.fixture(scope="module")
def library() -> SourceTree:
    folder = package_folder("transformers")
    assert folder is not None
    return SourceTree(folder.parent)


def refusal(library: SourceTree, architecture: str, config: dict[str, Any]) -> str:
    module = library_module(architecture)
    assert module is not None
    with pytest.raises(NotPortable) as caught:
        read_anatomy(library, module, architecture, config)
    return caught.value.what


@pytest.mark.parametrize(
    ("architecture", "layers"),
    [
        ("MllamaForConditionalGeneration", "MllamaCrossAttentionDecoderLayer"),
        ("IdeficsForVisionText2Text", "IdeficsGatedCrossAttentionLayer"),
    ],
)
def test_cross_attention_is_named(library: SourceTree, architecture: str, layers: str) -> None:
    told = refusal(library, architecture, {})
    assert f"by cross-attention ({layers})" in told
    assert "would need" in told


@pytest.mark.parametrize("config", [{"is_encoder_decoder": True}, {}])
def test_an_encoder_decoder_is_told_by_its_config(
    library: SourceTree, config: dict[str, Any]
) -> None:
    told = refusal(library, "Florence2ForConditionalGeneration", config)
    assert ("encoder-decoder" in told) is bool(config)


def test_the_config_of_the_text_tells_it_as_well(library: SourceTree) -> None:
    config = {"text_config": {"is_encoder_decoder": True}}
    assert "encoder-decoder" in refusal(library, "Florence2ForConditionalGeneration", config)


@pytest.mark.parametrize("family", ["Chameleon", "Emu3"])
def test_models_that_generate_images_are_named(library: SourceTree, family: str) -> None:
    told = refusal(library, f"{family}ForConditionalGeneration", {})
    assert f"({family}VQVAE)" in told
    assert "generate images" in told


def test_what_is_handed_beside_the_embeddings_is_named(library: SourceTree) -> None:
    told = refusal(library, "Gemma3nForConditionalGeneration", {})
    assert "per_layer_inputs; a port would need" in told


def test_any_other_source_is_told_what_a_port_is_made_of(library: SourceTree) -> None:
    assert "masked_scatter" in refusal(library, "GitForCausalLM", {})
