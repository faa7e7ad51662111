from __future__ import annotations

import ast

import pytest

from mmport.anatomy.features.branches import holds, linear


def given(name: str) -> bool | None:
    return {"pixel_values": True, "labels": False}.get(name)


@pytest.mark.parametrize(
    ("test", "truth"),
    [
        ("pixel_values is not None", True),
        ("labels is not None", False),
        ("other is None", None),
        ("not is_torchdynamo_compiling() and legacy", False),
        ("torch.compiler.is_compiling()", True),
    ],
)
def test_what_a_test_comes_to(test: str, truth: bool | None) -> None:
    assert holds(ast.parse(test, mode="eval").body, given) is truth


def test_of_two_ways_the_one_that_can_be_compiled_is_taken() -> None:
    body = ast.parse(
        "if not is_torchdynamo_compiling() and legacy:\n    old()\nelse:\n    new()"
    ).body
    assert [ast.unparse(one) for one in linear(body, given)] == ["new()"]
