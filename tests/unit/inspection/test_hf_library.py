from __future__ import annotations

import subprocess
import sys

import pytest

from mmport.core.errors import MalformedSource
from mmport.inspection import hf_library


@pytest.mark.parametrize(
    ("model_type", "architecture", "prefix"),
    [
        ("llama", "LlamaForCausalLM", "model"),
        ("qwen2", "Qwen2ForCausalLM", "model"),
        ("gpt2", "GPT2LMHeadModel", "transformer"),
        ("gpt_neox", "GPTNeoXForCausalLM", "gpt_neox"),
        ("mamba", "MambaForCausalLM", "backbone"),
        ("llama", "NoSuchClass", "model"),
    ],
)
def test_the_decoders_attribute_is_read_from_source(
    model_type: str, architecture: str, prefix: str
) -> None:
    assert hf_library.base_prefix(model_type, architecture) == prefix


def test_causal_lm_classes_are_known() -> None:
    assert hf_library.causal_lm_architecture("mistral") == "MistralForCausalLM"
    assert hf_library.causal_lm_architecture("clip_vision_model") is None


def test_activations_are_read_from_source() -> None:
    assert {"gelu", "silu", "quick_gelu", "relu"} <= hf_library.activations()


def test_a_refusing_config_class_is_a_malformed_source() -> None:
    with pytest.raises(MalformedSource, match="no valid llama config"):
        hf_library.build_config("llama", {"hidden_size": "64"})


def test_nothing_loads_torch_or_talks() -> None:
    code = (
        "import sys; from mmport.inspection import hf_library as h;"
        "assert 'transformers' not in sys.modules;"
        "h.knows('llava'); h.activations(); h.base_prefix('gpt2', 'GPT2LMHeadModel');"
        "h.build_config('llava', {}); h.causal_lm_architecture('llama');"
        "assert not {'torch', 'vllm'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("model_type", "architecture", "settings"),
    [
        ("llama", "LlamaForCausalLM", ()),
        ("gemma2", "Gemma2ForCausalLM", ("final_logit_softcapping",)),
        ("granite", "GraniteForCausalLM", ("logits_scaling",)),
        ("cohere", "CohereForCausalLM", ("logit_scale",)),
        ("llava", "LlavaForConditionalGeneration", ()),
        ("llama", "NoSuchClass", ()),
    ],
)
def test_what_a_class_does_to_its_logits_is_read_from_its_source(
    model_type: str, architecture: str, settings: tuple[str, ...]
) -> None:
    assert hf_library.head_arithmetic(model_type, architecture) == settings


@pytest.mark.parametrize(
    ("class_name", "model_type"),
    [
        ("Qwen2Config", "qwen2"),
        ("GPT2Config", "gpt2"),  # several types have it
        ("SiglipVisionConfig", "siglip_vision_model"),
        ("NoConfig", ""),
    ],
)
def test_the_model_type_of_a_config_class(class_name: str, model_type: str) -> None:
    assert hf_library.config_type(class_name) == model_type
