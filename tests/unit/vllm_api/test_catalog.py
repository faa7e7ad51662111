from __future__ import annotations

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.core.errors import UnknownTarget
from mmport.vllm_api.catalog import DEFAULT_VERSION, available, load, resolve_target
from mmport.vllm_api.eras import era_of, parse_release
from mmport.vllm_api.legacy import legacy_contract


@pytest.mark.parametrize("version", available())
def test_every_catalog_is_whole(version: str) -> None:
    catalog = load(version)
    release = parse_release(version)
    assert release is not None
    era = era_of(release)
    assert era is not None
    assert (catalog.version, catalog.era) == (version, era.name)
    contract = legacy_contract(era.name)
    for architecture in ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM"):
        text = catalog.text(architecture)
        assert text is not None
        assert text.supports("SupportsPP") is (contract is None or contract.pipeline_parallel)
    llava = catalog.multimodal("LlavaForConditionalGeneration")
    assert llava is not None
    assert llava.supports(contract.protocol if contract else "SupportsMultiModal")
    assert catalog.text("LlavaForConditionalGeneration") is None
    assert catalog.multimodal("LlamaForCausalLM") is None


def test_what_the_registry_moved_or_removed_is_known() -> None:
    catalog = load("0.32.0")
    assert catalog.text("Olmo2ForCausalLM") is None
    assert catalog.on_backend("Olmo2ForCausalLM") is not None
    assert catalog.previously_supported["AyaVisionForConditionalGeneration"] == "0.24.0"


def test_the_default_is_a_release_with_a_catalog() -> None:
    assert DEFAULT_VERSION in available()
    assert resolve_target(None).version == DEFAULT_VERSION


@pytest.mark.parametrize("text", ["0.32", "0.32.0", "v0.32.0", " 0.32.0 ", "0.32.0+cpu"])
def test_spellings_of_a_release(text: str) -> None:
    target = resolve_target(text)
    assert (target.version, target.era) == ("0.32.0", "E9")


@pytest.mark.parametrize(
    ("text", "version", "era"),
    [
        ("0.5.1", "0.5.1", "L1"),
        ("0.6.3", "0.6.3.post1", "L7"),
        ("0.6.3.post1", "0.6.3.post1", "L7"),
        ("v0.6.3.post1+cpu", "0.6.3.post1", "L7"),
        ("0.6.4", "0.6.4.post1", "L8"),
        ("0.7", "0.7.3", "L9"),
        ("0.8", "0.8.5.post1", "E1"),
        ("0.8.4", "0.8.4", "L11"),
        ("0.10.1", "0.10.1.1", "E2"),
    ],
)
def test_old_releases_with_and_without_their_post(text: str, version: str, era: str) -> None:
    target = resolve_target(text)
    assert (target.version, target.era) == (version, era)


def test_which_text_classes_of_an_old_release_take_embeddings() -> None:
    first, later = load("0.5.1"), load("0.6.3.post1")
    llama, qwen = first.text("LlamaForCausalLM"), first.text("Qwen2ForCausalLM")
    assert (llama and llama.decoder, qwen and qwen.decoder) == ("model", "")
    qwen = later.text("Qwen2ForCausalLM")
    assert qwen is not None
    assert qwen.decoder == "model"
    assert first.backend("TransformersForCausalLM") is None


@pytest.mark.parametrize("text", ["0.32.7", "0.34", "99.0", "latest", " ", "../0.32.0"])
def test_unknown_targets_name_the_known(text: str) -> None:
    with pytest.raises(UnknownTarget) as caught:
        resolve_target(text)
    assert caught.value.exit_code == 2
    assert all(version in caught.value.hint for version in (available()[0], available()[-1]))


@given(st.text())
def test_any_text_is_resolved_or_refused(text: str) -> None:
    depth = 2 if text.count(".") == 1 else 3
    known = (parse_release(text) or ())[:depth] in [
        (parse_release(version) or ())[:depth] for version in available()
    ]
    with nullcontext() if known or not text else pytest.raises(UnknownTarget):
        assert resolve_target(text).version in available()


def test_loading_what_is_not_there() -> None:
    with pytest.raises(UnknownTarget):
        load("../eras")
