from __future__ import annotations

import pytest

from mmport.vllm_api.eras import ERAS
from mmport.vllm_api.legacy import LegacyContract, Parameter, legacy_contract, legacy_contracts

ERA_NAMES = [era.name for era in ERAS if era.name.startswith("L")]


def contract(era: str) -> LegacyContract:
    found = legacy_contract(era)
    assert found is not None
    return found


def test_every_legacy_era_has_a_contract_and_no_other() -> None:
    assert list(legacy_contracts()) == ERA_NAMES
    assert legacy_contract("E1") is None


@pytest.mark.parametrize("era", ERA_NAMES)
def test_a_contract_names_the_home_of_all_that_it_speaks_of(era: str) -> None:
    told = contract(era)
    spoken = {
        told.protocol,
        told.processor_inputs,
        told.makes_inputs,
        told.mapper_result,
        told.merge,
        *([told.expansion_helper] if told.expansion_helper else []),
        *(["DummyData"] if told.dummy_result == "DummyData" else []),
        *(["flatten_bn"] if told.batching == "stacked" else []),
        *(["AutoWeightsLoader"] if told.loads_weights == "AutoWeightsLoader" else []),
    }
    assert spoken <= told.names.keys()
    assert all(told.names.values())


def test_what_changed_from_the_first_era_to_the_last() -> None:
    first, last = contract("L1"), contract("L11")
    assert (first.protocol, last.protocol) == ("SupportsVision", "SupportsMultiModal")
    assert [item.name for item in first.constructor] == [
        "config",
        "multimodal_config",
        "cache_config",
        "quant_config",
    ]
    assert last.constructor == (
        Parameter("vllm_config", "VllmConfig", ""),
        Parameter("prefix", "str", '""'),
    )
    assert first.takes("kv_caches")
    assert not last.takes("kv_caches")
    assert last.takes("inputs_embeds")
    assert not first.counts_items
    assert last.counts_items
    assert sorted(first.towers) == ["clip"]
    assert sorted(last.towers) == ["clip", "siglip"]


def test_an_era_keeps_what_it_does_not_change() -> None:
    before, after = contract("L3"), contract("L4")
    assert before.dummy_factory == after.dummy_factory
    assert before.names["SamplerOutput"] == "vllm.sequence"
    assert after.names["SamplerOutput"] == "vllm.model_executor.layers.sampler"
    assert "SupportsVision" not in after.names


@pytest.mark.parametrize(
    ("era", "table"),
    [("L2", ""), ("L3", "vllm.model_executor.models"), ("L6", "vllm.model_executor.models")]
    + [(era, "") for era in ("L7", "L8", "L11")],
)
def test_which_releases_must_be_told_that_a_model_is_multimodal(era: str, table: str) -> None:
    assert contract(era).multimodal_table == table
