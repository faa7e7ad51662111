from __future__ import annotations

import ast
from textwrap import dedent, indent

import pytest

from mmport.anatomy.features.text_ids import text_ids


def of(body: str) -> str:
    text = "def forward(self, input_ids, inputs_embeds=None, pixel_values=None):\n"
    (node,) = ast.parse(text + indent(dedent(body), "    ")).body
    assert isinstance(node, ast.FunctionDef)
    return text_ids(node)


def test_ids_in_the_place_of_placeholders() -> None:
    found = of(
        """
        features = self.tower(pixel_values)
        if inputs_embeds is None:
            mask = input_ids == self.config.image_token_id
            ids = input_ids.clone()
            ids[mask] = 0
            inputs_embeds = self.get_input_embeddings()(ids)
        inputs_embeds = inputs_embeds.masked_scatter(mask, features)
        """
    )
    assert found == dedent(
        """\
        def get_text_ids(self, input_ids):
            mask = input_ids == self.config.image_token_id
            ids = input_ids.clone()
            ids[mask] = 0
            return ids"""
    )


def test_what_depends_on_more_than_arguments_stays_a_branch() -> None:
    found = of(
        """
        if input_ids is not None and self.config.image_token_id >= self.size:
            ids = torch.where(input_ids == self.config.image_token_id, 0, input_ids)
        else:
            ids = input_ids
        if inputs_embeds is None:
            inputs_embeds = self.language_model.embed_tokens(ids)
        """
    )
    assert "if input_ids is not None and self.config.image_token_id >= self.size:" in found
    assert "torch.where" in found


@pytest.mark.parametrize(
    "body",
    [
        "inputs_embeds = self.get_input_embeddings()(input_ids)",
        "embeds = self.tower(pixel_values)",
        """
        ids = input_ids * pixel_values
        inputs_embeds = self.get_input_embeddings()(ids)
        """,
        """
        mask = self.get_placeholder_mask(input_ids)
        ids = torch.where(mask, 0, input_ids)
        inputs_embeds = self.get_input_embeddings()(ids)
        """,
        """
        ids = helper(input_ids)
        inputs_embeds = self.get_input_embeddings()(ids)
        """,
    ],
)
def test_its_own_ids_and_those_of_more_than_ids(body: str) -> None:
    assert of(body) == ""
