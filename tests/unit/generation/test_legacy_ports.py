"""What generated files of the first multimodal API must hold, whatever their templates."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from mmport.core.errors import MalformedSource
from mmport.gate.check import check_port
from mmport.generation.render import render_port
from mmport.generation.update import apply_update, plan_update
from mmport.vllm_api.catalog import available, resolve_target
from mmport.vllm_api.eras import era_of, parse_release
from mmport.vllm_api.legacy import LegacyContract, legacy_contract
from tests.golden.cases import load_spec, old_plan, old_port

CASE = "first_api_clip_0_6_3"
PLUGIN = "first_api_plugin_0_6_3"


def releases() -> list[str]:
    found = ((version, era_of(parse_release(version) or (0, 0, 0))) for version in available())
    return [version for version, era in found if era and legacy_contract(era.name)]


def contract_of(version: str) -> LegacyContract:
    contract = legacy_contract(resolve_target(version).era)
    assert contract is not None
    return contract


def model_of(version: str, spec: str = "clip_llama") -> ast.Module:
    from mmport.planning.plan import plan_port

    loaded = load_spec(spec)
    plan = plan_port(loaded, resolve_target(version))
    return ast.parse(render_port(plan, loaded)[plan.model_file])


def imported(module: ast.Module) -> dict[str, str]:
    return {
        alias.name: node.module or ""
        for node in module.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("version", releases())
@pytest.mark.parametrize("spec", ["clip_llama", "first_api_siglip_llama", "first_api_llava_next"])
def test_every_name_of_vllm_comes_from_where_the_release_has_it(version: str, spec: str) -> None:
    contract = contract_of(version)
    towers = {tower.class_name: tower.module for tower in contract.towers.values()}
    found = imported(model_of(version, spec))
    ours = {name: module for name, module in found.items() if module.startswith("vllm")}
    assert ours.items() <= {**contract.names, **towers}.items()


@pytest.mark.parametrize("version", releases())
def test_the_class_has_the_signatures_of_the_release(version: str) -> None:
    contract = contract_of(version)
    (model,) = (
        node
        for node in model_of(version).body
        if isinstance(node, ast.ClassDef) and node.name == "LlavaForConditionalGeneration"
    )
    methods = {node.name: node for node in model.body if isinstance(node, ast.FunctionDef)}
    for name, wanted in (("__init__", contract.constructor), ("forward", contract.forward)):
        arguments = methods[name].args
        found = [item.arg for item in (*arguments.args[1:], *arguments.kwonlyargs)]
        assert found == [item.name for item in wanted]
    assert ast.unparse(methods["forward"].returns or ast.Constant(None)) == contract.forward_returns
    assert contract.protocol in [ast.unparse(base) for base in model.bases]
    assert set(contract.protocol_methods) <= methods.keys()
    assert "sample" in methods


@pytest.mark.parametrize(
    ("version", "told"), [("0.5.4", False), ("0.5.5", True), ("0.6.2", True), ("0.6.3", False)]
)
def test_the_table_of_multimodal_models_is_told_where_it_must_be(version: str, told: bool) -> None:
    from mmport.planning.plan import plan_port

    spec = load_spec()
    files = render_port(plan_port(spec, resolve_target(version)), spec)
    assert ("_MULTIMODAL_MODELS[ARCHITECTURE]" in files["llava_vllm/__init__.py"]) is told
    assert ("vllm.general_plugins" in files["pyproject.toml"]) is (version != "0.5.4")


def test_a_port_is_kept_up_to_date_and_passes_the_gate(tmp_path: Path) -> None:
    plan, spec = old_plan(PLUGIN), load_spec()
    apply_update(plan_update(tmp_path, plan, spec))
    assert not plan_update(tmp_path, plan, spec).pending
    rules = {finding.rule for finding in check_port(tmp_path)}
    assert rules == {"evidence-missing"}


def test_a_modality_of_the_ports_own_is_registered_before_the_class_is_decorated() -> None:
    body = ast.parse(old_port(PLUGIN)["llava_vllm/llava.py"]).body
    register = next(
        i for i, node in enumerate(body) if "register_plugin(ThermalPlugin())" in ast.unparse(node)
    )
    model = next(
        i
        for i, node in enumerate(body)
        if isinstance(node, ast.ClassDef) and node.name.endswith("ForConditionalGeneration")
    )
    assert register < model
    assert "register_input_mapper('thermal')" in ast.unparse(body[model])


@pytest.mark.parametrize(
    "change",
    [
        {"template": "no_such_family"},
        {"template": "../modern/model"},
        {"modality": 'x"]; import os'},
        {"decoder": "model or x"},
        {"tower": "dino"},
        {"plugin_class": "A(B)"},
    ],
)
def test_a_plan_of_someone_elses_lock_is_not_believed(change: dict[str, Any]) -> None:
    plan = old_plan(CASE)
    assert plan.legacy is not None
    plan = dataclasses.replace(plan, legacy=dataclasses.replace(plan.legacy, **change))
    with pytest.raises(MalformedSource):
        render_port(plan, load_spec())


@pytest.mark.parametrize("change", [{"era": "E9"}, {"legacy": None}])
def test_an_era_and_what_is_planned_for_it_go_together(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedSource):
        render_port(dataclasses.replace(old_plan(CASE), **change), load_spec())
