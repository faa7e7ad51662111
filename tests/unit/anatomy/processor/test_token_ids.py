"""Placeholders that a processor replaces among ids."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from mmport.anatomy.processor.processing import read_processing
from mmport.core.source_tree import SourceTree
from mmport.model.spec import ItemProcessing

EXPAND = """
ids = []
for token in self.tokenizer(text)["input_ids"]:
    ids.extend([token] * (64 if token == self.image_id else 1))
return ids
"""


def read(init: str, call: str, more: str = "") -> ItemProcessing:
    text = f"class P:\n    def __init__(self, tokenizer, image_tag='<image>'):\n{shifted(init)}"
    text += f"    def __call__(self, text=None, images=None):\n{shifted(call)}" + indent(
        more, "    "
    )
    found = read_processing(
        SourceTree(Path("nowhere"), {"processing_x": text}), "processing_x", "P"
    )
    assert found is not None
    return found


def shifted(text: str) -> str:
    return indent(dedent(text).strip("\n") + "\n", " " * 8)


LOOKED_UP = "self.image_tag = image_tag\nself.image_id = tokenizer.convert_tokens_to_ids(image_tag)"


@pytest.mark.parametrize(
    ("init", "more", "token"),
    [
        (LOOKED_UP, "", "processor.image_tag"),
        ("self.image_id = tokenizer.vocab['<img>']", "", "'<img>'"),
        (
            "self.image_tag = image_tag",
            "@property\ndef image_id(self):\n    return self.tokenizer.vocab.get(self.image_tag)\n",
            "processor.image_tag",
        ),
    ],
)
def test_a_token_whose_id_is_replaced_is_a_placeholder(init: str, more: str, token: str) -> None:
    found = read(init, EXPAND, more)
    assert (found.written, found.placeholder) == ("placeholder", token)


@pytest.mark.parametrize(
    "call",
    [
        "mask = self.tokenizer(text)['input_ids'] == self.image_id\nreturn mask",
        EXPAND.replace("self.image_id", "self.unknown"),
    ],
)
def test_an_id_that_is_only_looked_for_is_none(call: str) -> None:
    assert read(LOOKED_UP, call).written == "tokens"


def test_a_pattern_is_read_without_its_escapes() -> None:
    found = read("self.n = 1", r"return re.split(r'<\|image\|>', text)")
    assert (found.written, found.placeholder) == ("placeholder", "'<|image|>'")
