"""The search for weights that say something; no torch is needed to search."""

from __future__ import annotations

import pytest

from mmport.workers.tiny_behaviour import Behaviour
from mmport.workers.tiny_weights import Demands, Recipe, recipes, search


def behaviour(
    distinct: int = 6, gap: float = 0.1, effect: float = 1.0, order: float | None = 1.0
) -> Behaviour:
    return Behaviour(distinct, gap, effect, order, text=True, tokens=[])


DULL = behaviour(distinct=1, gap=9.0)
NEAR = behaviour(gap=0.001)
GOOD = behaviour(gap=0.004, effect=0.05, order=0.01)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (GOOD, True),
        (DULL, False),
        (NEAR, False),
        (behaviour(effect=0.0), False),
        (behaviour(gap=float("nan")), False),
        (behaviour(effect=float("nan")), False),
        (behaviour(order=0.0), False),
        (behaviour(order=float("nan")), False),
        (behaviour(order=None), True),
    ],
)
def test_demands(found: Behaviour, expected: bool) -> None:
    assert found.meets(Demands()) is expected


def test_the_first_that_will_do_is_taken() -> None:
    answers = [DULL, NEAR, GOOD, GOOD]
    recipe, found, tries = search(recipes(0), lambda _: answers.pop(0), Demands())
    assert (found, tries) == (GOOD, 3)
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


def test_tied_embeddings_try_what_outweighs_them_first() -> None:
    usual, tied = list(recipes(0)), list(recipes(0, tied=True))
    assert set(usual) < set(tied)
    assert tied[0].shift > usual[0].shift
