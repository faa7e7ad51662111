from __future__ import annotations

import ast
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.core.errors import MalformedSource
from mmport.templates.filters import (
    comment,
    distribution,
    dotted,
    identifier,
    markdown,
    python_repr,
    raw_string,
    shell,
)

HOSTILE = ['"', "'", "\"\"\"'''", "\\", "a\\", "\n", "\x1b[31m", "{{ x }}", "\u202e", "\ud800"]


@given(st.text() | st.sampled_from(HOSTILE) | st.integers() | st.booleans())
def test_a_repr_is_a_literal_of_the_value(value: object) -> None:
    literal = python_repr(value)
    assert ast.literal_eval(literal) == value
    assert "\n" not in literal


def test_a_repr_prefers_double_quotes() -> None:
    assert python_repr("<image>") == '"<image>"'
    assert python_repr("it's") == '"it\'s"'
    assert python_repr('say "x"') == "'say \"x\"'"


@given(st.text() | st.from_regex(r"[\^a-z\\.()?:\"']{0,20}", fullmatch=True))
def test_a_raw_string_is_a_literal_of_the_value(value: str) -> None:
    assert ast.literal_eval(raw_string(value)) == value


def test_a_regular_expression_stays_readable() -> None:
    assert raw_string(r"^(?:model\.)?lm_head\.") == r'r"^(?:model\.)?lm_head\."'


@pytest.mark.parametrize("name", ["A", "_a1", "Llava"])
def test_an_identifier_passes(name: str) -> None:
    assert identifier(name) == name
    assert dotted(f"{name}.{name}") == f"{name}.{name}"


@pytest.mark.parametrize(
    "name", ["", "a b", "a\n", "class", "1a", "é", "a-b", "a;b", "../a", "a.", 1, None]
)
def test_anything_else_is_no_name(name: object) -> None:
    with pytest.raises(MalformedSource):
        identifier(name)
    with pytest.raises(MalformedSource):
        dotted(f"a.{name}" if isinstance(name, str) else f"a.{name}!")


@pytest.mark.parametrize("name", ["", "A", "a--b", "a_b", "a\n", '"', "-a"])
def test_a_distribution_is_a_normalized_name(name: str) -> None:
    assert distribution("llava-vllm") == "llava-vllm"
    with pytest.raises(MalformedSource):
        distribution(name)


@given(st.text())
def test_markdown_is_one_line_without_markup(value: str) -> None:
    text = markdown(value)
    assert len(text.splitlines()) <= 1
    plain = text
    for mark in "\\`*_[]<>!|":
        plain = plain.replace(f"\\{mark}", "")
    assert not set(plain) & set("`*_[]<>!|")


@given(st.text())
def test_a_shell_word_is_one_word_on_one_line(value: str) -> None:
    word = shell(value)
    assert len(word.splitlines()) == 1
    assert len(shlex.split(word)) == 1


@given(st.text(), st.integers(min_value=20, max_value=100))
def test_a_comment_holds_nothing_but_lines(value: str, width: int) -> None:
    for line in comment(value, width):
        assert line.splitlines() == [line]
        assert len(f"# {line}") <= width
