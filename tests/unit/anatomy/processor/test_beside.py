"""Whether a processor's code changes the text beside an item."""

from __future__ import annotations

import ast
from textwrap import dedent, indent

import pytest

from mmport.anatomy.processor.beside import changes_beside


def of(body: str, name: str = "__call__") -> bool:
    method = f"def {name}(self, text):\n{indent(dedent(body), '    ')}"
    (node,) = ast.parse(method).body
    assert isinstance(node, ast.FunctionDef)
    return changes_beside([node])


@pytest.mark.parametrize(
    "body",
    [
        'text = text.replace(f"{self.end_token}{self.end_token}", self.end_token)',
        'text = re.sub(rf"{self.end_token}(?=x)", self.end_token, text)',
        """
        closing = re.compile(rf"{re.escape(end_token)}(?=[^ ])")
        text = closing.sub(" ", text)
        """,
        'self.whole = f"\\n{tokenizer.start_token}{tokens}{tokenizer.end_token}\\n\\n"',
        "text = text[:end] + self.tokenizer.bos_token + text[end:]",
    ],
)
def test_more_than_a_placeholder_is_changed(body: str) -> None:
    assert of(body)


@pytest.mark.parametrize(
    "body",
    [
        "text = text.replace(self.image_token, self.image_token * count)",
        'text = text.replace("<|placeholder|>", self.image_token)',
        "text = re.sub(re.escape(self.image_token), tokens, text)",
        'text = re.sub(f"({self.image_token}|{self.video_token})", tokens, text)',
        'item = f"{self.start_token}{tokens}{self.end_token}"',
        'item = f"\\n{self.start_token}{tokens}{self.end_token}"',
        "text = text[:end] + words + text[end:]",
        "text = text[:end] + self.image_token + other[end:]",
    ],
)
def test_a_placeholder_alone_is_changed(body: str) -> None:
    assert not of(body)


def test_what_is_done_to_answers_does_not_count() -> None:
    assert not of('text = text.replace(f"{a_token}{b_token}", "")', "post_process_answer")
