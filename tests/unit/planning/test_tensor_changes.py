"""transformers' operations on tensors, in the steps of a port."""

from __future__ import annotations

import pytest

from mmport.core.errors import NotPortable
from mmport.model.conversions import Argument, Operation, TensorRule, TensorStep
from mmport.planning.tensor_changes import tensor_steps

THREE = ("q_proj", "k_proj", "v_proj")


def op(name: str, **arguments: Argument) -> Operation:
    return Operation(name, tuple(arguments.items()))


def steps(*operations: Operation, targets: tuple[str, ...] = THREE) -> tuple[TensorStep, ...]:
    return tensor_steps(TensorRule(("qkv",), targets, operations), "Owner")


@pytest.mark.parametrize(
    ("operation", "step"),
    [
        (op("Transpose"), TensorStep("transpose", dims=(0, 1))),
        (op("Transpose", dim0=1, dim1=2), TensorStep("transpose", dims=(1, 2))),
        (Operation("Transpose", (("#0", 1), ("#1", 2))), TensorStep("transpose", dims=(1, 2))),
        (op("Interleave", dim=1), TensorStep("deinterleave", dims=(1,))),
        (op("Interleave", inverse=True), TensorStep("interleave", dims=(0,))),
        (
            op("PermuteForRope", subconfig_key="vision_config", permute_layer_names=("one",)),
            TensorStep("halve", pieces=(0,), config="vision_config"),
        ),
        (
            op("PermuteForRope", permute_layer_names=("one",), inverse=True),
            TensorStep("pair", pieces=(0,)),
        ),
    ],
)
def test_a_tensor_takes_another_form(operation: Operation, step: TensorStep) -> None:
    assert steps(operation, targets=("one",)) == (step,)


def test_a_tensor_is_split() -> None:
    assert steps(op("Chunk", dim=1)) == (TensorStep("split", dims=(1,)),)
    assert steps(Operation("Chunk", (("#0", 1),))) == (TensorStep("split", dims=(1,)),)


def test_pieces_are_told_apart_by_their_names() -> None:
    rotated = op("PermuteForRope", permute_layer_names=("q_proj", "k_proj"))
    split, halved = steps(op("Chunk"), rotated)
    assert (split.kind, halved.pieces) == ("split", (0, 1))


def test_a_step_about_no_tensor_is_left_out() -> None:
    assert steps(op("Chunk"), op("PermuteForRope", permute_layer_names=("x",))) == steps(
        op("Chunk")
    )


@pytest.mark.parametrize(
    "operations",
    [
        (op("MergeModulelist"),),
        (op("Transpose"),),
        (op("Chunk"), op("Chunk")),
        (op("PermuteForRope", permute_layer_names=("q_proj",)), op("Chunk")),
        (op("Chunk", num_shards_attribute="parts"),),
        (op("Chunk", dim="rows"),),
        (op("Chunk"), op("Transpose", check_dims=True)),
        (op("Chunk", along=0),),
        (op("Chunk"), op("PermuteForRope", permute_layer_names="q_proj")),
    ],
)
def test_what_a_port_cannot_do_is_refused(operations: tuple[Operation, ...]) -> None:
    names = ", ".join(one.name for one in operations)
    with pytest.raises(NotPortable, match=f"tensors of Owner anew by {names} when"):
        steps(*operations)


def test_tensors_that_are_joined_are_refused() -> None:
    rule = TensorRule(("q", "k"), ("qk",), (op("Transpose"),))
    with pytest.raises(NotPortable):
        tensor_steps(rule, "Owner")
