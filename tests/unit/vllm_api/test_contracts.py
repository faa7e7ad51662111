from __future__ import annotations

import pytest

from mmport.vllm_api.contracts import Contract, contract_of, span_of, spans
from mmport.vllm_api.eras import ERAS, parse_release


def contract(version: str) -> Contract:
    found = contract_of(version)
    assert found is not None
    return found


def test_the_contracts_follow_each_other_up_to_the_last_era() -> None:
    starts = [parse_release(one.first) for one in spans()]
    ends = [parse_release(one.after) for one in spans()]
    assert starts == sorted(starts, key=lambda release: release or ())
    assert ends[:-1] == starts[1:]
    assert starts[0] == next(era.first for era in ERAS if era.name == "E1")
    _, last, _ = ERAS[-1].last
    assert ends[-1] == (0, last + 1, 0)


def test_no_contract_is_that_of_the_one_before() -> None:
    pairs = zip(spans(), spans()[1:], strict=False)
    assert all(before.contract != after.contract for before, after in pairs)


@pytest.mark.parametrize("version", ["0.5.1", "0.8.4", "0.34.0", "nightly"])
def test_releases_of_another_api_have_no_contract(version: str) -> None:
    assert contract_of(version) is None


def test_eras_begin_where_a_contract_does() -> None:
    starts = {parse_release(one.first) for one in spans()}
    assert {era.first for era in ERAS if era.name.startswith("E")} <= starts


@pytest.mark.parametrize(
    ("version", "words", "requirement"),
    [
        ("0.8.5.post1", "0.8.5 to 0.9.1", ">=0.8.5,<0.9.2"),
        ("0.10.1", "0.10.1", ">=0.10.1,<0.10.2"),
        ("0.11.2", "0.11.1 to 0.12", ">=0.11.1,<0.13"),
        ("0.24.0", "0.19 to 0.26", ">=0.19,<0.27"),
        ("0.28.0", "0.28", ">=0.28,<0.29"),
        ("0.32.0", "0.31 to 0.33", ">=0.31,<0.34"),
    ],
)
def test_a_port_says_for_which_releases_it_is(version: str, words: str, requirement: str) -> None:
    span = span_of(version)
    assert span is not None
    assert (span.words, span.requirement) == (words, requirement)


def test_a_contract_names_the_home_of_all_that_it_speaks_of() -> None:
    for one in spans():
        told = one.contract
        spoken = {
            "BaseDummyInputsBuilder",
            "MultiModalDataDict",
            "MultiModalKwargsItems" if told.item_kwargs == "items" else "MultiModalKwargs",
            *(["SamplingMetadata"] if told.samples_with_metadata else []),
            *(["merge_multimodal_embeddings"] if not told.merges_embeddings else []),
            *(["flatten_bn"] if told.batching == "requests" else []),
            *(["SupportsMRoPE"] if told.positions != "vllm" else []),
            *(["MultiModalFeatureSpec"] if told.positions == "features" else []),
            *(["BaseDummyOptions"] if "BaseDummyOptions" in told.dummy_options else []),
        }
        assert spoken <= told.names.keys(), one.first


def test_what_changed_from_the_first_to_the_last() -> None:
    first, last = contract("0.8.5"), contract("0.33.0")
    assert (first.embeds_items, last.embeds_items) == (
        "get_multimodal_embeddings",
        "embed_multimodal",
    )
    assert (first.embeds_text, last.embeds_text) == ("get_input_embeddings", "embed_input_ids")
    assert first.forward_embeds
    assert not last.forward_embeds
    assert not first.dummy_options_required
    assert last.dummy_options_required
    assert not contract("0.16.0").dummy_options_required
