"""What all travelling values promise: frozen, slotted, hashable, and JSON there and back."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mmport.model
from mmport.core.jsonable import from_builtins, from_json, to_builtins, to_json
from mmport.model.evidence import Evidence, Measurement, Outcome, Stage
from mmport.model.finding import Finding
from mmport.model.lock import Lock
from mmport.model.plan import PortPlan
from mmport.model.spec import VlmSpec

MODULES = [
    importlib.import_module(f"mmport.model.{module.name}")
    for module in pkgutil.iter_modules(mmport.model.__path__)
]
VALUES = [
    kind
    for module in MODULES
    for _, kind in inspect.getmembers(module, dataclasses.is_dataclass)
    if kind.__module__ == module.__name__
]

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
# JSON is Unicode: a lone surrogate has no place in it.
st.register_type_strategy(str, st.text(st.characters(codec="utf-8"), max_size=5))
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))


@pytest.fixture(scope="module", params=VALUES, ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_value_is_frozen_and_has_no_other_attributes(kind: Any) -> None:
    assert kind.__dataclass_params__.frozen
    assert "__slots__" in vars(kind)


def test_no_field_can_be_changed_in_place(kind: Any) -> None:
    for field in dataclasses.fields(kind):
        assert not str(field.type).lower().startswith(("list", "dict", "set")), field.name


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
@pytest.mark.parametrize("kind", [VlmSpec, PortPlan, Lock, Evidence, Finding])
def test_a_document_goes_to_json_and_back(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(st.builds(kind))
    assert from_json(to_json(value), kind) == value
    assert from_builtins(to_builtins(value), kind) == value
    assert hash(from_json(to_json(value), kind)) == hash(value)


def test_a_measurement_of_another_outcome_is_refused() -> None:
    value = to_builtins(Measurement(Stage.LOGITS, "text", "prefill", Outcome.PASSED, 0.5, 1.0))
    assert from_builtins(value, Measurement).figure == 0.5
    with pytest.raises(msgspec.ValidationError, match="outcome"):
        from_builtins(value | {"outcome": "perhaps"}, Measurement)


def test_the_stages_are_in_the_order_of_the_data() -> None:
    assert [*Stage] == [
        "weights",
        "processor",
        "encoder",
        "merge",
        "decoder",
        "logits",
        "generation",
        "budget",
    ]
