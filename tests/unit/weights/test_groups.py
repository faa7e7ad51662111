from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from mmport.model.spec import TensorGroup
from mmport.model.tensors import TensorHeader
from mmport.weights.groups import group_tensors, parameter_count, pattern_of

PARTS = st.sampled_from(["layers", "0", "1", "23", "weight", "fc1", "q_proj", "{}", "x2", "{"])
NAMES = st.lists(PARTS, min_size=1, max_size=6).map(".".join)
HEADERS = st.builds(
    TensorHeader,
    dtype=st.sampled_from(["F32", "BF16"]),
    shape=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    file=st.just("model.safetensors"),
)


def header(*shape: int, dtype: str = "F32") -> TensorHeader:
    return TensorHeader(dtype, shape, "model.safetensors")


def test_layers_of_one_shape_share_a_pattern() -> None:
    headers = {f"a.layers.{layer}.fc.weight": header(2, 3) for layer in range(12)}
    assert group_tensors(headers) == (TensorGroup("a.layers.{}.fc.weight", 12, "F32", (2, 3)),)


def test_other_shapes_and_dtypes_stay_apart() -> None:
    headers = {
        "l.0.w": header(2),
        "l.1.w": header(3),
        "l.2.w": header(2, dtype="BF16"),
        "l.3.w": header(2),
    }
    assert [(group.count, group.dtype, group.shape) for group in group_tensors(headers)] == [
        (1, "BF16", (2,)),
        (2, "F32", (2,)),
        (1, "F32", (3,)),
    ]


def test_only_whole_levels_are_indices() -> None:
    assert pattern_of("blocks.0.mlp.3.fc1.weight") == "blocks.{}.mlp.{}.fc1.weight"
    assert pattern_of("linear_1.weight") == "linear_1.weight"
    assert pattern_of("scales.0") == "scales.0"
    assert pattern_of("odd.{}.0.w") == "odd.{}.0.w"


@given(st.dictionaries(NAMES, HEADERS, max_size=20))
def test_groups_account_for_every_tensor_once(headers: dict[str, TensorHeader]) -> None:
    groups = group_tensors(headers)
    assert sum(group.count for group in groups) == len(headers)
    total = sum(group.count * math.prod(group.shape) for group in groups)
    assert total == parameter_count(headers.values())
    keys = [(group.pattern, group.dtype, group.shape) for group in groups]
    assert keys == sorted(set(keys))
    assert {pattern_of(name) for name in headers} == {group.pattern for group in groups}


@given(st.dictionaries(NAMES, HEADERS, max_size=20))
def test_the_order_of_the_headers_does_not_matter(headers: dict[str, TensorHeader]) -> None:
    turned = dict(reversed(list(headers.items())))
    assert group_tensors(turned) == group_tensors(headers)
