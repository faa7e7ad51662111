"""The search for weights that say something; no torch is needed to search."""

from __future__ import annotations

import pytest

from mmport.workers.tiny_weights import Behaviour, Demands, Recipe, recipes, search

DULL = Behaviour(distinct=1, gap=9.0, effect=1.0, tokens=[])
NEAR = Behaviour(distinct=6, gap=0.001, effect=1.0, tokens=[])
GOOD = Behaviour(distinct=6, gap=0.004, effect=0.05, tokens=[])


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (GOOD, True),
        (DULL, False),
        (NEAR, False),
        (Behaviour(6, 0.1, 0.0, []), False),
        (Behaviour(6, float("nan"), 1.0, []), False),
        (Behaviour(6, 0.1, float("nan"), []), False),
    ],
)
def test_demands(behaviour: Behaviour, expected: bool) -> None:
    assert behaviour.meets(Demands()) is expected


def test_the_first_that_will_do_is_taken() -> None:
    answers = [DULL, NEAR, GOOD, GOOD]
    recipe, behaviour, tries = search(recipes(0), lambda _: answers.pop(0), Demands())
    assert (behaviour, tries) == (GOOD, 3)
    assert recipe == list(recipes(0))[2]


def test_failure_tells_how_near_the_nearest_came() -> None:
    answers = [DULL, NEAR, DULL]
    candidates = iter([Recipe(0.1, 0.1, seed) for seed in range(3)])
    with pytest.raises(RuntimeError, match=r"none of 3 .* 6 distinct .* 0\.001 \(0\.004\)"):
        search(candidates, lambda _: answers.pop(0), Demands())


def test_recipes_differ_and_so_do_those_of_another_seed() -> None:
    one, other = list(recipes(0)), list(recipes(1))
    assert len({*one, *other}) == len(one) + len(other)
    assert list(recipes(0)) == one
