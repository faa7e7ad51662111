from __future__ import annotations

import ast
import json
import subprocess
from pathlib import Path

import pytest
from ruff import find_ruff_bin  # type: ignore[import-untyped]

from mmport.vllm_api.legacy import is_legacy
from tests.conftest import CheckGolden
from tests.golden.cases import (
    CASES,
    OLD_CASES,
    SPECS,
    load_spec,
    old_plan,
    old_port,
    plan_of,
    port_of,
)

PORTS = Path(__file__).parent / "ports"


@pytest.mark.parametrize("case", CASES)
def test_the_committed_port_is_what_is_generated(case: str, check_golden: CheckGolden) -> None:
    spec, layout = CASES[case]
    check_golden(f"ports/{case}", port_of(load_spec(spec), layout))


@pytest.mark.parametrize("case", OLD_CASES)
def test_the_committed_old_port_is_what_is_generated(case: str, check_golden: CheckGolden) -> None:
    check_golden(f"ports/{case}", old_port(case))


def test_every_spec_and_every_committed_port_is_a_case() -> None:
    specs = {*(spec for spec, _ in CASES.values()), *(port.spec for port in OLD_CASES.values())}
    assert {path.stem for path in SPECS.glob("*.json")} == specs
    assert {path.name for path in PORTS.iterdir()} == {*CASES, *OLD_CASES}


@pytest.mark.parametrize("case", [*CASES, *OLD_CASES])
@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=" ".join)
def test_the_port_passes_ruff_with_its_own_settings(case: str, arguments: list[str]) -> None:
    is_file = len(list((PORTS / case).iterdir())) == 1
    own = ["--isolated", "--select=B,E,F,G,I,SIM,UP,W"] if is_file else []
    if case in OLD_CASES and is_file and is_legacy(OLD_CASES[case].target):
        own += ["--target-version=py38"]
    if arguments[0] == "format":
        own = own[:1]
    command = [find_ruff_bin(), *arguments, "--no-cache", *own, "."]
    done = subprocess.run(
        command, cwd=PORTS / case, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


SIDES = {64, 128, 256, 512, 1024, 4096}
"""Of images that a port tries, to see which becomes the most tokens."""


@pytest.mark.parametrize("case", [*CASES, *OLD_CASES])
def test_nothing_of_one_checkpoints_size_is_baked_in(case: str) -> None:
    old = OLD_CASES.get(case)
    spec = load_spec(old.spec if old else CASES[case][0])
    plan = old_plan(case) if old else plan_of(spec)
    language_model = spec.language_model
    sizes = {
        *(size for one in spec.encoders for size in (one.hidden_size, one.image_size)),
        *(one.patch_size for one in spec.encoders),
        language_model.hidden_size,
        language_model.vocab_size,
        spec.placeholders[0].token_id,
        spec.placeholders[0].tokens_per_item or language_model.vocab_size,
    }
    # What a repo's code builds its encoder with, no config says.
    sizes -= {0, *(value for one in spec.encoders for _, value in one.settings)}
    sizes -= {spec.placeholders[0].token_id} if plan.legacy and not plan.legacy.token_id else set()
    for path in (PORTS / case).rglob(f"{plan.names.module}.py"):
        numbers = {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, int)
        }
        assert not sizes & (numbers - SIDES)


def test_the_placeholder_reaches_the_port_as_data() -> None:
    token = json.loads((SPECS / "odd_placeholder.json").read_text())["placeholders"][0]["token"]
    tree = ast.parse((PORTS / "odd_placeholder" / "llava_vllm" / "llava.py").read_text())
    method = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "get_placeholder_str"
    )
    returned = [node.value for node in ast.walk(method) if isinstance(node, ast.Return)]
    assert [ast.literal_eval(value) for value in returned if value] == [token]
    assert not any(
        isinstance(node, ast.Import) and node.names[0].name == "os" for node in ast.walk(tree)
    )
