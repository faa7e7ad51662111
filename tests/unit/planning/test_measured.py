from __future__ import annotations

from dataclasses import replace

import pytest

from mmport.model.measured import MEASURED_SCHEMA, Measured, MeasuredModel, Outcome
from mmport.model.spec import VlmSpec
from mmport.planning import measured
from mmport.vllm_api.catalog import Catalog, load
from mmport.weights.groups import heads
from tests.golden.cases import load_spec

RIGHT, WRONG = Outcome(answers=True, told=""), Outcome(answers=False, told="wrong: logits")


@pytest.fixture
def spec() -> VlmSpec:
    return load_spec("llava_next")


@pytest.fixture
def catalog() -> Catalog:
    return load("0.32.0")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, spec: VlmSpec) -> None:
    assert spec.checkpoint
    own = heads(group.pattern for group in spec.checkpoint.tensors)
    models = (
        MeasuredModel("alike", spec.architecture, own, RIGHT, WRONG),
        MeasuredModel("older", spec.architecture, ("vision_tower.vision_model",), WRONG, RIGHT),
        MeasuredModel("other", "OtherForCausalLM", own, None, WRONG),
    )
    found = Measured(MEASURED_SCHEMA, "0.32.0", "5.19.0", models)
    monkeypatch.setattr(measured, "_measured", lambda: found)


@pytest.mark.usefixtures("known")
def test_models_with_weights_of_the_same_names_are_asked_first(
    spec: VlmSpec, catalog: Catalog
) -> None:
    in_tree = measured.in_tree_outcome(spec, catalog)
    assert in_tree
    assert in_tree.answers
    assert "1 of 1" in in_tree.told

    backend = measured.backend_outcome(spec, catalog)
    assert backend
    assert not backend.answers
    assert backend.told.endswith("wrong: logits")


@pytest.mark.usefixtures("known")
def test_without_weights_all_of_the_architecture_have_to_be_right(
    spec: VlmSpec, catalog: Catalog
) -> None:
    found = measured.in_tree_outcome(replace(spec, checkpoint=None), catalog)
    assert found
    assert not found.answers
    assert "1 of 2" in found.told


def test_one_that_answers_is_recommended_with_its_limit(
    spec: VlmSpec, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = Outcome(answers=True, told="wrong: budget")
    model = MeasuredModel("one", spec.architecture, (), limited, WRONG)
    known = Measured(MEASURED_SCHEMA, "0.32.0", "5.19.0", (model,))
    monkeypatch.setattr(measured, "_measured", lambda: known)
    found = measured.in_tree_outcome(spec, catalog)
    assert found
    assert found.answers
    assert found.told.endswith("but one is wrong: budget")


@pytest.mark.usefixtures("known")
def test_what_nobody_measured_has_no_outcome(spec: VlmSpec, catalog: Catalog) -> None:
    unknown = replace(spec, architecture="NewForCausalLM")
    assert measured.in_tree_outcome(unknown, catalog) is None
    assert measured.in_tree_outcome(replace(spec, architecture="OtherForCausalLM"), catalog) is None


@pytest.mark.usefixtures("known")
def test_an_outcome_of_another_release_recommends_nothing(spec: VlmSpec, catalog: Catalog) -> None:
    found = measured.in_tree_outcome(spec, replace(catalog, version="0.33.0"))
    assert found
    assert not found.answers
    assert "0.32.0" in found.told
