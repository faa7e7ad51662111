from __future__ import annotations

import jinja2
import pytest

from mmport.templates.render import has_era, render
from mmport.vllm_api.contracts import contract_of
from mmport.vllm_api.eras import ERAS
from tests.golden.cases import load_spec, plan_of


def test_eras_with_templates_are_known() -> None:
    assert all(has_era(era.name) for era in ERAS)
    assert not has_era("E")


def test_an_undefined_variable_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="plan"):
        render("E9", "__init__.py")


def test_an_unknown_template_is_an_error() -> None:
    with pytest.raises(jinja2.TemplateNotFound):
        render("E9", "setup.py", plan=plan_of(load_spec()))


def test_a_value_is_never_a_template() -> None:
    spec = load_spec("odd_placeholder")
    plan = plan_of(spec)
    text = render("E9", "model.py", plan=plan, spec=spec, contract=contract_of(plan.target))
    assert "{{ image }}" in text
