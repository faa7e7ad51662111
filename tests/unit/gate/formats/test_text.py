from __future__ import annotations

import pytest

from mmport.gate.checking import Checked
from mmport.gate.formats.text import plain, summary
from mmport.model.finding import Finding, Severity
from tests.unit.gate.formats.findings import CHECKED


def test_a_finding_says_where_what_and_what_to_do() -> None:
    assert plain(CHECKED).split("\n\n") == [
        "note    outdated  port/README.md\n        is older\n        --- a\n        +++ b",
        "error   syntax  a.py:2:5\n        100% wrong: x, y\n        z\n        fix: mend it",
        "warning lint  sub dir/ü,:%.py:1  on vLLM 0.32.0\n        m\n        fix: f",
        "1 port and 2 files checked: 1 error, 1 warning, 1 silenced by comments\n",
    ]


def test_a_long_line_is_not_broken() -> None:
    finding = Finding(Severity.ERROR, "lint", "a.py", 1, "word " * 500, "f")
    assert "word " * 499 + "word" in plain(Checked((finding,), 0, 1))


@pytest.mark.parametrize(
    ("checked", "line"),
    [
        (Checked((), 1, 0), "1 port checked: no errors"),
        (Checked((), 0, 3), "3 files checked: no errors"),
        (Checked((), 0, 0), "nothing checked: no errors"),
        (Checked((), 2, 1, 4), "2 ports and 1 file checked: no errors, 4 silenced by comments"),
    ],
)
def test_the_last_line_counts(checked: Checked, line: str) -> None:
    assert summary(checked) == line
