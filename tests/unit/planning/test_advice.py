"""What a user is told to do with a model that cannot be ported."""

from __future__ import annotations

import pytest

from mmport.core.errors import TRY_BACKEND, NotPortable
from mmport.model.measured import MEASURED_SCHEMA, Measured, MeasuredModel, Outcome
from mmport.planning import measured
from mmport.planning.advice import advised
from mmport.vllm_api.catalog import load

RIGHT, WRONG = Outcome(answers=True, told=""), Outcome(answers=False, told="wrong: logits")
REFUSAL = NotPortable("it has no place for features", TRY_BACKEND)
REGISTERED = "LlavaForConditionalGeneration"


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    own, backend = request.param
    models = (MeasuredModel("seen", REGISTERED, (), own, backend),)
    found = Measured(MEASURED_SCHEMA, "0.32.0", "5.19.0", models)
    monkeypatch.setattr(measured, "_measured", lambda: found)


def hint(architecture: str = REGISTERED, release: str = "0.32.0") -> str:
    told = advised(REFUSAL, architecture, load(release))
    assert told.what == REFUSAL.what
    return told.hint or ""


@pytest.mark.parametrize("outcomes", [(RIGHT, RIGHT)], indirect=True)
@pytest.mark.usefixtures("outcomes")
def test_a_class_of_vllm_that_answers_comes_first() -> None:
    assert hint().startswith("serve it with vLLM's own class")


@pytest.mark.parametrize("outcomes", [(WRONG, RIGHT), (None, RIGHT)], indirect=True)
@pytest.mark.usefixtures("outcomes")
def test_the_backend_comes_next() -> None:
    assert hint().startswith(TRY_BACKEND)
    assert "answers as HF" in hint()


@pytest.mark.parametrize("outcomes", [(WRONG, WRONG)], indirect=True)
@pytest.mark.usefixtures("outcomes")
def test_nothing_is_recommended_that_answers_otherwise() -> None:
    assert "run it in transformers" in hint()
    assert "vLLM's own class: wrong: logits; the backend: wrong: logits" in hint()


@pytest.mark.parametrize("outcomes", [(WRONG, WRONG)], indirect=True)
@pytest.mark.usefixtures("outcomes")
def test_of_another_release_and_of_other_models_nothing_was_measured() -> None:
    assert hint(release="0.31.0") == "serve it with vLLM's own class: vllm serve MODEL"
    assert hint("UnknownForCausalLM") == TRY_BACKEND


def test_advice_of_its_own_is_kept() -> None:
    refusal = NotPortable("it has no weights", "fetch them")
    assert advised(refusal, REGISTERED, load("0.32.0")) is refusal
