from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import to_builtins

from mmport.core.errors import NotPortable, Usage
from mmport.model.facts import CARD
from mmport.workflows import verify
from mmport.workflows.verify import VerifyOptions, _facts, _only_dtype
from tests.golden.cases import load_spec
from tests.unit.verification.models import UNKNOWN
from tests.unit.workflows.test_old_engines import engines


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


@pytest.fixture
def carded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that no port can be made of, and whose card tells of it."""

    def refuse(*_: object, **__: object) -> None:
        raise NotPortable("an encoder of its own", "write it by hand")

    monkeypatch.setattr(verify, "inspect_model", refuse)
    model = tmp_path / "model"
    model.mkdir()
    (model / CARD).write_text(json.dumps({"facts": to_builtins(UNKNOWN)}))
    return model


def test_a_file_may_serve_a_model_that_no_port_can_be_made_of(carded: Path) -> None:
    file = carded.parent / "model.py"
    file.touch()
    options = VerifyOptions(port=file)
    assert _facts("finch", carded, options, engines("0.32.0")) == UNKNOWN


def test_a_port_of_ours_is_of_what_can_be_ported(carded: Path) -> None:
    options = VerifyOptions(port=carded.parent)
    with pytest.raises(NotPortable, match="of its own"):
        _facts("finch", carded, options, engines("0.32.0"))
