"""The contracts and catalogs of the first multimodal API are what the releases' sources say."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from mmport.core.source_tree import SourceTree
from mmport.vllm_api import store
from mmport.vllm_api.catalog import resolve_target
from mmport.vllm_api.draw import draw
from mmport.vllm_api.legacy import LegacyContract, legacy_contract
from tests.conftest import legacy_python
from tests.legacy.conftest import RELEASES, on

MODELS = "vllm.model_executor.models"
EVERY = [on(release, fast=True) for release in RELEASES]


def source(release: str) -> SourceTree:
    python = legacy_python(release)
    assert python is not None
    (packages,) = Path(python).parents[1].glob("lib/python3*/site-packages")
    return SourceTree(packages)


def contract_of(release: str) -> LegacyContract:
    contract = legacy_contract(resolve_target(release).era)
    assert contract is not None
    return contract


def methods(tree: SourceTree, module: str, name: str) -> dict[str, ast.FunctionDef]:
    found = tree.find_class(module, name)
    assert found is not None, (module, name)
    return {node.name: node for node in found.node.body if isinstance(node, ast.FunctionDef)}


def parameters(function: ast.FunctionDef) -> list[str]:
    arguments = function.args
    return [item.arg for item in (*arguments.args, *arguments.kwonlyargs) if item.arg != "self"]


def bound(tree: SourceTree, module: str) -> set[str]:
    """Name all that a module binds, wherever in it."""
    parsed = tree.module(module)
    assert parsed is not None, module
    names: set[str] = set()
    for node in ast.walk(parsed):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                names.add(name)
            case ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return names


@pytest.mark.parametrize("release", EVERY)
def test_names_are_where_the_contract_says(release: str) -> None:
    tree = source(release)
    for name, module in contract_of(release).names.items():
        assert name in bound(tree, module), (name, module)


@pytest.mark.parametrize("release", EVERY)
def test_vllms_own_llava_has_the_contracts_signatures(release: str) -> None:
    tree, contract = source(release), contract_of(release)
    own = methods(tree, f"{MODELS}.llava", "LlavaForConditionalGeneration")
    assert parameters(own["__init__"]) == [item.name for item in contract.constructor]
    assert parameters(own["forward"]) == [item.name for item in contract.forward]
    returned = own["forward"].returns
    assert returned is not None
    assert ast.unparse(returned) == contract.forward_returns
    asked = methods(tree, f"{MODELS}.interfaces", contract.protocol)
    assert asked.keys() - {"__init__"} == set(contract.protocol_methods)


@pytest.mark.parametrize("release", EVERY)
def test_towers_are_built_as_the_contract_says(release: str) -> None:
    tree = source(release)
    for tower in contract_of(release).towers.values():
        own = methods(tree, tower.module, tower.class_name)
        names = parameters(own["__init__"])
        assert ("num_hidden_layers_override" in names) is (tower.layers == "override")
        assert ("require_post_norm" in names) is (tower.post_norm == "asked")
        assert ("prefix" in names) is tower.prefix
        assert ("load_weights" in own) is tower.loads_weights


@pytest.mark.parametrize("release", EVERY)
def test_the_registry_is_as_the_contract_says(release: str) -> None:
    tree, contract = source(release), contract_of(release)
    registry, inputs = (
        tree.text(f"vllm.{name}.registry") or "" for name in ("multimodal", "inputs")
    )
    kinds = {kind for kind in ("image", "audio", "video") if tree.module(f"vllm.multimodal.{kind}")}
    assert kinds == set(contract.modalities)
    assert ("limits_per_prompt" in registry) is contract.limits_per_prompt
    assert ("mm_counts" in inputs) is contract.counts_items
    assert ("mm_processor_kwargs" in inputs) is contract.mapper_processor_kwargs
    assert ("register_dummy_encoder_data" in inputs) is contract.encoder_dummy_data
    assert ("class DummyData(" in inputs) is (contract.dummy_result == "DummyData")
    sequence = tree.text("vllm.sequence") or ""
    assert ("def from_seqs" in sequence) is (contract.sequence_data == "from_seqs")
    assert (tree.module("vllm.plugins") is not None) is contract.plugin_entry_points
    helper = contract.expansion_helper
    assert not helper or helper in bound(tree, contract.names[helper])


@pytest.mark.parametrize("release", EVERY)
def test_the_committed_catalog_is_what_the_release_gives(release: str) -> None:
    version = resolve_target(release).version
    drawn = draw(source(release).root, version=version)
    for group, entries in drawn.parts[store.REGISTRY].items():
        assert store.facts(store.REGISTRY, group, version) == entries, group
