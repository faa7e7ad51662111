from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mmport.vllm_api.timeline import at, in_order, with_release

VERSIONS = ("0.6.3", "0.6.3.post1", "0.9.0.1", "0.10.0", "0.11.0")
FACTS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "y", True]), max_size=3)


def test_releases_are_in_the_order_of_their_numbers() -> None:
    assert in_order(reversed(VERSIONS)) == VERSIONS


@given(st.permutations(VERSIONS), st.lists(FACTS, min_size=5, max_size=5), FACTS)
def test_whatever_the_order_each_release_has_just_its_facts(
    order: list[str], facts: list[dict[str, object]], replaced: dict[str, object]
) -> None:
    spans: dict[str, dict[str, object]] = {}
    known: tuple[str, ...] = ()
    wanted = dict(zip(order, facts, strict=True))
    for version in order:
        spans = with_release(spans, known, version, wanted[version])
        known = in_order((*known, version))
    wanted[order[0]] = replaced
    spans = with_release(spans, known, order[0], replaced)
    places = {name: place for place, name in enumerate(known)}
    assert {name: at(spans, places[name], places) for name in known} == wanted


def test_what_lasts_says_so_and_a_newer_release_without_a_change_adds_nothing() -> None:
    spans = with_release({}, (), "0.10.0", {"a": "x"})
    assert spans == {"0.10.0:": {"a": "x"}}
    assert with_release(spans, ("0.10.0",), "0.11.0", {"a": "x"}) == spans
    changed = with_release(spans, ("0.10.0",), "0.11.0", {"a": "y"})
    assert changed == {"0.10.0:0.10.0": {"a": "x"}, "0.11.0:": {"a": "y"}}
