"""How repos' own code merges: features are found whatever is written around them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from mmport.anatomy.features.modeling import read_anatomy
from mmport.core.source_tree import SourceTree
from mmport.model.spec import FeatureMethod

HEAD = """
import torch
from torch import nn
from transformers import AutoModel, PreTrainedModel


class X(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.tower = AutoModel.from_config(config.vision_config)
        self.llm = AutoModel.from_config(config.text_config)

    def see(self, pixels):
        return self.tower(pixels).last_hidden_state

    def see_all(self, pixels):
        return {"seen": self.see(pixels)}

    def see_each(self, pixels):
        return (self.see(pixels),)

    def put(self, embeds, ids, seen):
        embeds[ids == self.config.image_token_id] = seen.flatten(0, 1)
        return embeds

    def forward(self, input_ids=None, pixels=None, flags=None, inputs_embeds=None, **kwargs):
        embeds = self.llm.get_input_embeddings()(input_ids)
"""
CALL = "return self.llm(inputs_embeds=embeds, **kwargs)"
SCATTER = "embeds[input_ids == self.config.image_token_id] = seen\n"


def read(body: str) -> FeatureMethod:
    text = HEAD + indent(dedent(body).strip("\n") + "\n" + CALL, " " * 8)
    tree = SourceTree(Path("nowhere"), {"modeling_x": text})
    (method,) = read_anatomy(tree, "modeling_x", "X").methods
    return method


@pytest.mark.parametrize(
    "body",
    [
        """
        seen = self.see(pixels) if pixels is not None else None
        if seen is not None:
            {scatter}
        """,
        """
        seen = None
        if pixels is not None:
            seen = self.see(pixels)
        if seen is not None:
            {scatter}
        """,
        """
        there = pixels is not None and pixels.numel() > 0
        if there:
            seen = self.see(pixels)
            {scatter}
        """,
        """
        seen = self.see(pixels)
        if seen is None:
            raise ValueError
        {scatter}
        """,
    ],
)
def test_what_depends_on_there_being_an_image_is_plain(body: str) -> None:
    found = read(body.replace("{scatter}", SCATTER.strip()))
    assert (found.name, found.source) == ("see", "")


def test_what_is_spread_over_arguments_is_found() -> None:
    assert read("embeds = self.put(embeds, input_ids, *self.see_each(pixels))").name == "see_each"


def test_what_is_done_where_that_fails_is_left_out() -> None:
    found = read(
        """
        seen = self.see(pixels)
        flags = flags.squeeze(-1)
        seen = seen[flags == 1]
        try:
            embeds[input_ids == self.config.image_token_id] = seen.reshape(-1, 8)
        except RuntimeError:
            seen = seen.reshape(-1, 8)
            embeds[input_ids == self.config.image_token_id] = seen[: len(embeds)]
        """
    )
    assert found.source.splitlines()[1:] == [
        "    seen = self.see(pixels)",
        "    flags = flags.squeeze(-1)",
        "    seen = seen[flags == 1]",
        "    return seen",
    ]
    assert [field for _, field in found.inputs] == ["pixels", "flags"]


def test_rows_that_an_input_chooses() -> None:
    found = read("seen = self.see(pixels)\nembeds[input_ids == 7] = seen[flags].to(embeds.dtype)")
    assert found.source.splitlines()[-1] == "    return seen[flags]"


def test_an_entry_of_what_a_method_gives() -> None:
    found = read(
        'given = self.see_all(pixels)\nembeds[input_ids == 7] = given["seen"].flatten(0, 1)'
    )
    assert found.source.splitlines()[1:] == [
        "    given = self.see_all(pixels)",
        "    return given['seen']",
    ]


def test_ids_by_another_name_are_compared_too() -> None:
    found = read(
        "flat_ids = input_ids.view(-1)\nseen = self.see(pixels)\n"
        "embeds.view(-1, 8)[flat_ids == self.config.eye_id] = seen.view(-1, 8)"
    )
    assert found.token == "eye_id"
