from __future__ import annotations

from dataclasses import replace

import pytest

from mmport.core.errors import Usage
from mmport.workflows.verify import VerifyOptions, _only_dtype
from tests.golden.cases import load_spec


def dtype(architecture: str, **options: object) -> str:
    spec = load_spec()
    text = replace(spec.language_model, vllm_architecture=architecture)
    return _only_dtype(replace(spec, language_model=text), VerifyOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", ["", "bfloat16"])
def test_a_cpu_that_takes_one_dtype_is_given_it(asked: str) -> None:
    assert dtype("Qwen3_5ForCausalLM", dtype=asked) == "bfloat16"
    assert dtype("LlamaForCausalLM", dtype=asked) == ""


def test_a_gpu_takes_any() -> None:
    assert dtype("Qwen3_5ForCausalLM", gpu=True, dtype="float32") == ""


def test_another_dtype_is_refused_before_an_engine_starts() -> None:
    with pytest.raises(Usage, match="Qwen3_5ForCausalLM in bfloat16 alone"):
        dtype("Qwen3_5ForCausalLM", dtype="float32")
