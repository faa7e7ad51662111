from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mmport.core.markdown import code_span, escape, table

WORDS = st.text("ab `*_[]<>|#\\!", min_size=1).map(str.strip).filter(bool)


def inline(text: str) -> list[tuple[str, str]]:
    (paragraph,) = MarkdownIt("commonmark").parseInline(text)
    return [(token.type, token.content) for token in paragraph.children or ()]


@given(WORDS)
def test_an_escaped_text_is_shown_as_it_is(text: str) -> None:
    found = inline(escape(text))
    assert {kind for kind, _ in found} <= {"text", "text_special"}
    assert "".join(content for _, content in found) == text


@given(WORDS)
def test_code_is_one_span_whatever_it_holds(text: str) -> None:
    ((kind, content),) = inline(code_span(text))
    assert (kind, content.strip()) == ("code_inline", text)


def test_a_table_has_a_line_a_row() -> None:
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
