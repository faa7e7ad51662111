"""What a port makes of tensors is what transformers makes of them."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mmport.model.conversions import Conversions, Operation, TensorRule
from tests.golden.cases import load_spec, port_of

pytestmark = pytest.mark.engine

THREE = ("q_proj", "k_proj", "v_proj")
HEADS = (("subconfig_key", "vision_config"), ("permute_layer_names", ("q_proj", "k_proj")))
CHAINS: tuple[tuple[tuple[str, ...], tuple[Operation, ...]], ...] = (
    (THREE, (Operation("Chunk"), Operation("PermuteForRope", HEADS))),
    (THREE, (Operation("Chunk"), Operation("PermuteForRope", (*HEADS, ("inverse", True))))),
    (THREE[:2], (Operation("Interleave", (("dim", 1),)), Operation("Chunk", (("dim", 1),)))),
    (THREE[:1], (Operation("Interleave", (("inverse", True),)),)),
    (THREE[:1], (Operation("Transpose", (("dim0", 0), ("dim1", 1))),)),
    (THREE[:1], (Operation("PermuteForRope", HEADS),)),
)
COMPARE = """
from types import SimpleNamespace
import torch
from transformers import core_model_loading
config = SimpleNamespace(vision_config=SimpleNamespace(num_attention_heads=2))
weight = torch.arange(24.0 * 6).reshape(24, 6)
def transformers_of(names, operations):
    held = {"qkv": [weight]} if len(names) > 1 else {names[0]: [weight]}
    for name, arguments in operations:
        arguments = {k: list(v) if isinstance(v, tuple) else v for k, v in arguments}
        operation = getattr(core_model_loading, name)(**arguments)
        held = operation.convert(
            held, source_patterns=["qkv"], target_patterns=list(names), config=config
        )
    found = [held[name] for name in names]
    return [one[0] if isinstance(one, list) else one for one in found]
def compare(convert_weight, names, operations):
    made, wanted = convert_weight(weight, config), transformers_of(names, operations)
    assert len(made) == len(wanted), operations
    for one, other in zip(made, wanted):
        assert torch.equal(one, other), operations
    assert len(names) > 1 or not torch.equal(made[0], weight), operations
"""


@pytest.mark.full(reason="imports torch for what unit tests read as text")
def test_converted_weights_are_those_of_transformers(engine_python: Path) -> None:
    code = COMPARE
    for targets, operations in CHAINS:
        chain = [(one.name, one.arguments) for one in operations]
        code += f"{converter(targets, operations)}\ncompare(convert_weight, {targets}, {chain})\n"
    subprocess.run([engine_python, "-c", code], check=True)


def converter(targets: tuple[str, ...], operations: tuple[Operation, ...]) -> str:
    """Give the function of a port that has such a conversion, without its annotations."""
    spec = load_spec("llava_next")
    assert spec.anatomy is not None
    assert spec.anatomy.weights is not None
    rule = Conversions("", tensors=(TensorRule(("qkv",), targets, operations),))
    facts = replace(spec.anatomy.weights, conversions=(rule,), names=())
    files = port_of(replace(spec, anatomy=replace(spec.anatomy, weights=facts)))
    function = next(
        node
        for node in ast.parse(max(files.values(), key=len)).body
        if isinstance(node, ast.FunctionDef) and node.name == "convert_weight"
    )
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    return ast.unparse(function)
