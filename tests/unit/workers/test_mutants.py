"""The registry of mutants: its kinds, and a fair choice among what they find."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.model.evidence import Stage
from mmport.workers.mutants.groups import GROUPS
from mmport.workers.mutants.patches import patched
from mmport.workers.mutants.registry import OPERATORS, Mutant, choose, operator


def mutants(sizes: list[int]) -> list[Mutant]:
    return [
        Mutant(f"kind {kind}", "group", str(place), ("encoder",), nullcontext, (), ())
        for kind, size in enumerate(sizes)
        for place in range(size)
    ]


def test_there_are_kinds_for_every_part_of_a_port() -> None:
    assert len(OPERATORS) >= 30
    parts = {part for kind in OPERATORS.values() for part in kind.parts}
    assert parts == {"scenarios", "processor", "weights", "budget", "names"}
    modules = {kind.operator.__module__ for kind in OPERATORS.values()}
    assert modules == {group.__name__ for group in GROUPS}


def test_a_kind_is_entered_once() -> None:
    with pytest.raises(ValueError, match="two operators"):
        operator(next(iter(OPERATORS)), "again")(lambda specimen: iter(()))


@given(st.lists(st.integers(0, 12), max_size=8), st.integers(0, 60))
def test_a_choice_is_fair_and_in_order(sizes: list[int], limit: int) -> None:
    every = mutants(sizes)
    chosen = choose(every, limit)
    assert len(chosen) == (min(limit, len(every)) if limit else len(every))
    places = [every.index(one) for one in chosen]
    assert places == sorted(set(places))
    counts = Counter(one.kind for one in chosen)
    for kind, size in enumerate(sizes):
        mine = counts[f"kind {kind}"]
        others = [counts[f"kind {other}"] for other in range(len(sizes))]
        assert mine == size or mine >= max(others, default=0) - 1


def test_a_choice_is_spread_over_the_places() -> None:
    chosen = choose(mutants([10]), 2)
    assert [one.place for one in chosen] == ["0", "5"]


def test_a_patch_is_taken_back_from_objects_and_classes() -> None:
    class Holder:
        value = 1

    one = Holder()
    with patched(one, "value", 2):
        assert (one.value, Holder.value) == (2, 1)
    assert vars(one) == {}
    with patched(Holder, "value", 3):
        assert one.value == 3
    assert one.value == 1


def test_stages_that_a_kind_expects_are_stages() -> None:
    from mmport.workers.mutants.registry import _STAGES

    assert {stage for stages in _STAGES.values() for stage in stages} <= {*map(str, Stage)}
