from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import pytest

from mmport.model.evidence import Stage
from mmport.model.scoreboard import Cell, CellStatus, Difference, Failure
from mmport.reference_models import named
from mmport.scoreboard.causes import Explanation, explained, explanations
from tests.unit.scoreboard.boards import MODEL

LACK = Explanation(("tiny",), "vllm/a.py", "raise", lacks="a kernel")
FAULT = Explanation(("tiny-*",), "vllm/a.py", "x = 1", cause="a wrong constant")
BEFORE = (Stage.PROCESSOR, Stage.ENCODER)


def wrong(*proven: Stage, stage: Stage = Stage.LOGITS) -> Cell:
    found = Difference(stage, "image", "prompt", 0.5, 1e-3, "at [0]")
    return Cell("in-tree", CellStatus.WRONG, 1.0, proven, found)


def fails(message: str = "no such kernel") -> Cell:
    failure = Failure("running image", "AssertionError", message)
    return Cell("in-tree", CellStatus.FAILS, 1.0, failure=failure)


class TestExplained:
    def test_a_fault_stays_what_it_is_and_has_its_cause(self) -> None:
        cell = explained(MODEL, wrong(*BEFORE), (FAULT,))
        assert cell.status is CellStatus.WRONG
        assert cell.cause is not None
        assert (cell.cause.text, cell.cause.quote) == ("a wrong constant", "x = 1")

    def test_a_lack_makes_a_wrong_cell_cpu_limited(self) -> None:
        cell = explained(MODEL, wrong(*BEFORE), (LACK,))
        assert cell.status is CellStatus.CPU_LIMITED
        assert cell.cause is not None
        assert cell.cause.text == "a kernel"

    @pytest.mark.parametrize("proven", [(), (Stage.PROCESSOR,), (Stage.ENCODER,)])
    def test_but_not_where_the_encoder_is_not_proven(self, proven: tuple[Stage, ...]) -> None:
        assert explained(MODEL, wrong(*proven), (LACK,)).status is CellStatus.WRONG

    def test_what_differed_before_it_failed_is_no_lack_of_the_engine(self) -> None:
        earlier = replace(fails(), difference=wrong(stage=Stage.PROCESSOR).difference)
        cell = explained(MODEL, earlier, (LACK,))
        assert cell.status is CellStatus.FAILS
        assert cell.cause is not None

    def test_a_lack_makes_a_failure_cpu_limited(self) -> None:
        assert explained(MODEL, fails(), (LACK,)).status is CellStatus.CPU_LIMITED

    @pytest.mark.parametrize(
        "entry",
        [
            Explanation(("other",), "a", "b", lacks="c"),
            Explanation(("tiny",), "a", "b", lacks="c", columns=("port",)),
            Explanation(("tiny",), "a", "b", lacks="c", status=(CellStatus.WRONG,)),
            Explanation(("tiny",), "a", "b", lacks="c", message="bfloat16"),
            Explanation(("tiny",), "a", "b", lacks="c", stages=(Stage.LOGITS,)),
        ],
    )
    def test_another_entry_explains_nothing(self, entry: Explanation) -> None:
        assert explained(MODEL, fails(), (entry,)) == fails()

    def test_a_message_is_searched_for(self) -> None:
        entry = Explanation(("*",), "a", "b", lacks="c", message="such k.rnel$|KeyError")
        assert explained(MODEL, fails(), (entry,)).status is CellStatus.CPU_LIMITED

    def test_a_pass_needs_no_cause(self) -> None:
        passed = Cell("in-tree", CellStatus.PASS, 1.0, tuple(Stage))
        assert explained(MODEL, passed, (LACK, FAULT)) == passed

    def test_the_first_entry_that_fits_counts(self) -> None:
        assert explained(MODEL, fails(), (FAULT, LACK)).status is CellStatus.FAILS


class TestFile:
    def test_every_entry_is_whole(self) -> None:
        assert explanations()

    def test_every_model_is_one(self) -> None:
        names = named.names()
        types = {str(named.load(name).config.get("model_type")) for name in names}
        for entry in explanations():
            for pattern in entry.models:
                assert any(fnmatchcase(name, pattern) for name in {*names, *types}), pattern

    def test_a_lack_and_a_cause_exclude_each_other(self) -> None:
        with pytest.raises(ValueError, match="either"):
            Explanation(("tiny",), "a", "b", lacks="c", cause="d")
        with pytest.raises(ValueError, match="either"):
            Explanation(("tiny",), "a", "b")
