from __future__ import annotations

import pytest

from mmport.core.jsonable import from_json, to_json
from mmport.model.scoreboard import Scoreboard
from mmport.scoreboard.measured import measured
from tests.conftest import ROOT

BOARD = ROOT / "docs" / "scoreboard.json"
MEASURED = ROOT / "src" / "mmport" / "planning" / "data" / "measured.json"


def test_the_packaged_outcomes_are_those_of_the_board(request: pytest.FixtureRequest) -> None:
    """`make golden` draws them anew, after `make scoreboard`."""
    text = to_json(measured(from_json(BOARD.read_bytes(), Scoreboard)))
    if request.config.getoption("--update-golden"):
        MEASURED.write_text(text)
    assert MEASURED.read_text() == text, "planning/data/measured.json is stale: make golden"
