from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.core import errors
from mmport.core.errors import MmportError, one_line

ALL_ERRORS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, MmportError) and kind.__module__ == errors.__name__
]

EXIT_CODES = {"Usage": 2, "UnknownTarget": 2, "Objection": 1, "EditedFiles": 1}


@given(st.text())
def test_one_line_is_one_printable_line(text: str) -> None:
    folded = one_line(text)
    assert folded.isprintable()
    assert len(folded.splitlines()) <= 1


@given(st.text(st.characters(categories=("L", "N", "P")), min_size=1))
def test_one_line_keeps_printable_text(text: str) -> None:
    assert one_line(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb\r\n  c\t", "a b c"),
        ("\x1b[31mred", "\N{REPLACEMENT CHARACTER}[31mred"),
        ("a\u202eb", "a\N{REPLACEMENT CHARACTER}b"),
        ("\ud800", "\N{REPLACEMENT CHARACTER}"),
        ("", ""),
    ],
)
def test_one_line_folds(text: str, expected: str) -> None:
    assert one_line(text) == expected


@pytest.mark.parametrize("kind", ALL_ERRORS, ids=lambda kind: kind.__name__)
def test_each_error_has_its_exit_code_and_a_docstring(kind: type[MmportError]) -> None:
    assert kind.exit_code == EXIT_CODES.get(kind.__name__, 3)
    assert kind.__doc__


def test_an_error_folds_what_and_hint_and_keeps_the_message() -> None:
    error = MmportError("no such\nfile", "look\x07 elsewhere")
    assert error.what == "no such file"
    assert error.hint == "look\N{REPLACEMENT CHARACTER} elsewhere"
    assert str(error) == "no such\nfile"
    assert error.details == ""


def test_details_are_kept_as_they_are() -> None:
    assert MmportError("what", "hint", details="a\n  b").details == "a\n  b"
