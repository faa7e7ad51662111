"""What is told to have changed is what the catalog shows."""

from __future__ import annotations

import ast
import builtins
import symtable

import pytest

from mmport.planning.encoders import reusable_encoders
from mmport.vllm_api import store
from mmport.vllm_api.changes import (
    AttributeChange,
    BundledChange,
    HelperChange,
    MethodChange,
    NameChange,
    OrderChange,
    PassedParameter,
    WantedArgument,
    changes,
    hook_change,
    is_passed,
    replacement_of,
)
from mmport.vllm_api.frame import hooks
from mmport.vllm_api.surface.release import names_of
from mmport.vllm_api.surface.signatures import of_stub


def releases_around(since: str) -> tuple[str, str]:
    known = store.releases()
    place = known.index(since)
    return known[place - 1], known[place]


def has(owner: str, name: str, version: str) -> bool:
    return store.places()[version] in hooks(owner)[name].places


@pytest.mark.parametrize("change", changes().method, ids=lambda one: one.id)
def test_a_method_is_gone_since_then_and_was_there_before(change: MethodChange) -> None:
    before, since = releases_around(change.since)
    assert has(change.owner, change.name, before)
    assert not has(change.owner, change.name, since)
    if change.back:
        before, back = releases_around(change.back)
        assert not has(change.owner, change.name, before)
        assert has(change.owner, change.name, back)


@pytest.mark.parametrize("change", changes().method, ids=lambda one: one.id)
def test_what_took_its_place_is_there(change: MethodChange) -> None:
    known = [hooks(owner) for owner in ("BaseProcessingInfo", "BaseDummyInputsBuilder")]
    known.append(hooks(change.owner))
    for name in change.instead:
        assert any(
            name in one and store.places()[change.since] in one[name].places for one in known
        ), name


@pytest.mark.parametrize("change", changes().name, ids=lambda one: one.id)
def test_a_name_is_gone_since_then_and_was_there_before(change: NameChange) -> None:
    before, since = releases_around(change.since)
    assert names_of(before).find(change.module, change.name) is not None
    after = names_of(since).find(change.module, change.name)
    # A module that makes names as they are asked cannot be told to lack one.
    assert after is None or not after.known


@pytest.mark.parametrize("change", changes().helper, ids=lambda one: one.id)
def test_a_helper_is_gone_since_then_and_its_code_says_it_by_itself(change: HelperChange) -> None:
    before, since = releases_around(change.since)
    there = [names_of(before).find(module, change.name) for module in change.modules]
    assert any(one is not None for one in there)
    gone = [names_of(since).find(module, change.name) for module in change.modules]
    # What lies outside vLLM is in no release's catalog.
    assert all(one is None or not one.known for one in gone)
    names = {path.rpartition(".")[2] for path in change.needs}
    written = symtable.symtable(change.code, change.id, "exec")
    free = {
        symbol.get_name()
        for table in (written, *written.get_children())
        for symbol in table.get_symbols()
        if symbol.is_global() and symbol.is_referenced() and not symbol.is_assigned()
    }
    assert free - set(dir(builtins)) <= names


@pytest.mark.parametrize("change", changes().bundled, ids=lambda one: one.id)
def test_what_came_by_itself_comes_in_one_object_since_then(change: BundledChange) -> None:
    before, since = releases_around(change.since)
    for version, new in ((before, False), (since, True)):
        names = names_of(version)
        modules = (
            *("vllm.multimodal.processing.processor", "vllm.multimodal.processing"),
            "vllm.model_executor.models.interfaces",
        )
        found = [one for one in (names.find(m, change.owner) for m in modules) if one is not None]
        for name in change.names:
            member = names.member(found[0], name)
            read = of_stub(member.stub) if member else None
            assert read is not None
            assert (set(change.into) <= set(read.names)) is new
    for path in change.into.values():
        module, _, name = path.rpartition(".")
        assert names_of(since).find(module, name) is not None


@pytest.mark.parametrize("change", changes().attribute, ids=lambda one: one.id)
def test_an_attribute_is_gone_since_then_and_was_there_before(change: AttributeChange) -> None:
    before, since = releases_around(change.since)
    assert has(change.owner, change.name, before)
    assert not has(change.owner, change.name, since)


@pytest.mark.parametrize("change", changes().order, ids=lambda one: one.id)
def test_parameters_are_ordered_so(change: OrderChange) -> None:
    for version, wanted in zip(
        releases_around(change.since), (change.was, change.now), strict=True
    ):
        stubs = names_of(version).module(change.module) or {}
        read = of_stub(stubs[change.name])
        assert read is not None
        assert tuple(one.name for one in read.positional) == wanted


@pytest.mark.parametrize("passed", changes().passed, ids=lambda one: one.id)
def test_what_is_passed_is_there_to_be_passed_and_may_be_left_out(passed: PassedParameter) -> None:
    before, since = releases_around(passed.since)
    found = []
    for version in (before, since):
        names = names_of(version)
        owners = [
            module
            for part in store.parts()
            if part != store.REGISTRY
            for module in store.subjects(part)
            if f"{passed.owner}.{passed.name}" in (names.module(module) or {})
        ]
        stub = (names.module(owners[0]) or {})[f"{passed.owner}.{passed.name}"] if owners else ""
        read = of_stub(stub)
        every = (*read.positional, *read.keyword) if read else ()
        found.append([one for one in every if one.name == passed.parameter])
    assert found[0] == []
    assert [one.optional for one in found[1]] == [True]


@pytest.mark.parametrize(
    "change", [one for one in changes().name if one.instead], ids=lambda one: one.id
)
def test_what_stands_for_a_name_is_there(change: NameChange) -> None:
    module, _, name = change.instead.rpartition(".")
    assert names_of("0.32.0").find(module, name) is not None


def test_ids_are_single() -> None:
    told = changes()
    every = [
        one.id
        for some in (
            told.method,
            told.passed,
            told.unpassed,
            told.order,
            told.name,
            told.attribute,
            told.argument,
        )
        for one in some
    ]
    assert len(every) == len(set(every))


def test_the_change_that_holds_for_a_release_is_found() -> None:
    change = hook_change("_call_hf_processor", "0.30.0")
    assert change is not None
    assert "_preprocess_hf_mm_data" in change.instead
    assert hook_change("_call_hf_processor", "0.31.0") is None
    assert hook_change("_call_hf_processor", "0.28.0") is None
    renamed = hook_change("get_multimodal_embeddings", "0.12.0")
    assert renamed is not None
    assert renamed.still_works("0.12.0")
    assert not renamed.still_works("0.13.0")


def test_what_to_write_is_told_from_the_release_on() -> None:
    place = "vllm.model_executor.models.utils"
    assert replacement_of(place, "merge_multimodal_embeddings", "0.11.2") == ""
    assert "_merge" in replacement_of(place, "merge_multimodal_embeddings", "0.12.0")
    registry = "vllm.multimodal.registry.MultiModalRegistry"
    assert "register_processor" in replacement_of(registry, "register_image_input_mapper", "0.32.0")
    owner = "BaseDummyInputsBuilder"
    assert is_passed(owner, "get_dummy_mm_data", "mm_options", "0.11.1")
    assert not is_passed(owner, "get_dummy_mm_data", "mm_options", "0.11.0")


@pytest.mark.parametrize("change", changes().wanted, ids=lambda one: one.id)
def test_an_argument_is_wanted_since_then_and_was_not_before(change: WantedArgument) -> None:
    for version, wanted in zip(releases_around(change.since), (False, True), strict=True):
        module = names_of(version).module(change.module) or {}
        read = of_stub(module[f"{change.name}.__init__"])
        assert read is not None
        assert (change.parameter in read.required) is wanted
    ast.parse(change.value, mode="eval")


def test_levels_are_those_of_the_encoders_that_ports_reuse() -> None:
    reused = {(one.module, one.class_name, one.inner) for one in reusable_encoders().values()}
    assert {(one.module, one.name, one.level) for one in changes().level} == reused
