"""What `rewrite` makes of whole files is committed; it is Python, and a second run leaves it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mmport.codemods.parsing import read_python
from mmport.generation.rewriting import rewrite_file
from mmport.planning.plan import plan_graft
from mmport.vllm_api.catalog import resolve_target
from tests.conftest import CheckGolden
from tests.golden.cases import load_spec

MODELS = Path(__file__).parent / "text_models"
CASES = {
    "finch": ("finch", "clip_llama", "0.32.0"),
    "finch_siglip": ("finch", "siglip_qwen2", "0.32.0"),
    "finch_first": ("finch_first", "clip_llama", "0.6.3.post1"),
}
"""Name of the committed file: the text model, the spec of what it serves, the target."""


def rewritten(source: Path, spec_name: str, target: str) -> str:
    spec = load_spec(spec_name)
    plan = plan_graft(spec, resolve_target(target))
    return rewrite_file(read_python(source), "FinchForCausalLM", plan, spec).after


@pytest.mark.parametrize("case", CASES)
def test_a_text_model_becomes_what_is_committed(
    case: str, check_golden: CheckGolden, tmp_path: Path
) -> None:
    model, spec, target = CASES[case]
    text = rewritten(MODELS / f"{model}.py", spec, target)
    check_golden(f"rewritten/{case}", {f"{case}.py": text})
    ast.parse(text)
    again = tmp_path / "again.py"
    again.write_text(text, encoding="utf-8")
    assert rewritten(again, spec, target) == text
