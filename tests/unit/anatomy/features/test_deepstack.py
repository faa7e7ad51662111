"""Features that a language model takes in at its layers: which, where, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.anatomy.features.modeling import read_anatomy
from mmport.core.errors import NotPortable
from mmport.core.source_tree import SourceTree
from mmport.model.spec import Anatomy, Deepstack

MODEL = """
import torch
from torch import nn
from transformers import PreTrainedModel


class Tower(nn.Module):
    def __init__(self, config):
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.depth)])
        self.taken = config.taken
        self.merge = nn.Linear(config.width, config.out)

    def forward(self, pixel_values, sizes=None):
        hidden = pixel_values
        levels = []
        for place, block in enumerate(self.blocks):
            hidden = block(hidden)
            if place in self.taken:
                levels.append(self.merge(hidden))
        return Output(pooler_output=self.merge(hidden), levels=levels)


class TextModel(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.ModuleList([Layer(config) for _ in range(config.num_hidden_layers)])
        self.norm = nn.LayerNorm(config.hidden_size)

    def forward(self, inputs_embeds=None, attention_mask=None, places=None, levels=None):
        hidden_states = inputs_embeds
        for index, layer in enumerate(self.layers):
            hidden_states = layer(hidden_states, attention_mask=attention_mask)
            if levels is not None and index in range(len(levels)):
                hidden_states = self.added(hidden_states, places, levels[index])
        return self.norm(hidden_states)

    def added(self, hidden_states, places, features):
        hidden_states = hidden_states.clone()
        hidden_states[places, :] = hidden_states[places, :] + features
        return hidden_states


class Deep(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.visual = Tower(config.vision_config)
        self.text = TextModel(config.text_config)

    def get_image_features(self, pixel_values):
        output = self.visual(pixel_values)
        output.levels = [torch.split(one, 4) for one in output.levels]
        return output

    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None, pixel_values=None):
        if inputs_embeds is None:
            inputs_embeds = self.text.get_input_embeddings()(input_ids)
        places = None
        levels = None
        if pixel_values is not None:
            output = self.get_image_features(pixel_values)
            places = input_ids == self.config.image_token_id
            inputs_embeds = inputs_embeds.masked_scatter(places, output.pooler_output)
            levels = [torch.cat(one) for one in output.levels]
        return self.text(
            inputs_embeds=inputs_embeds, attention_mask=attention_mask, places=places, levels=levels
        )
"""

PAIRS = """
        levels = []
        for at, (of, layer) in enumerate(self.map):
            levels.append((layer, self.merge(hidden)))
        for layer in self.last:
            levels.append((layer, self.merge(hidden)))
        return Output(pooler_output=self.merge(hidden), levels=levels)
"""
LOOP = """            hidden_states = layer(hidden_states, attention_mask=attention_mask)
            if levels is not None and index in range(len(levels)):
                hidden_states = self.added(hidden_states, places, levels[index])
"""
LOOP_BEFORE = """            if levels is not None and index in levels:
                hidden_states = hidden_states.masked_scatter(
                    places, hidden_states[places] + levels[index]
                )
            hidden_states = layer(hidden_states, attention_mask=attention_mask)
"""


def read(text: str) -> Anatomy:
    return read_anatomy(SourceTree(Path("nowhere"), {"deep": text}), "deep", "Deep")


def replaced(*pairs: tuple[str, str], text: str = MODEL) -> str:
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def keyed() -> str:
    """Levels that carry their layer, are added before it, and are all there is."""
    start, end = MODEL.index("        levels = []\n"), MODEL.index("\n\nclass TextModel")
    text = MODEL[:start] + PAIRS.lstrip("\n") + MODEL[end:]
    by_layer = """            levels = {}
            for place, (layer, features) in enumerate(output.levels):
                if place == 0:
                    places = input_ids == self.config.image_token_id
                    inputs_embeds = inputs_embeds.masked_fill(places, 0.0)
                levels[layer] = features
"""
    start = text.index("            places = input_ids")
    end = text.index("        return self.text(")
    return replaced((LOOP, LOOP_BEFORE), text=text[:start] + by_layer + text[end:])


def test_a_level_for_each_of_the_first_layers() -> None:
    anatomy = read(MODEL)

    assert anatomy.deepstack == Deepstack(
        results=(("get_image_features", "levels"),),
        layers="range(len(self.visual.taken))",
        before=False,
        keys=False,
    )
    (method,) = anatomy.methods
    assert (method.name, method.result) == ("get_image_features", "pooler_output")


def test_levels_that_carry_their_layers_and_are_all_there_is() -> None:
    anatomy = read(keyed())

    assert anatomy.deepstack == Deepstack(
        results=(("get_image_features", "levels"),),
        layers="[*[layer for _, layer in self.visual.map], *self.visual.last]",
        before=True,
        keys=True,
    )
    (method,) = anatomy.methods
    assert method.result == "levels"


def test_a_level_from_every_turn_of_the_loop() -> None:
    text = replaced(
        ("            if place in self.taken:\n    ", ""), ("enumerate(self.blocks)", "self.blocks")
    )
    found = read(text.replace("for place, block in", "for block in")).deepstack
    assert found is not None
    assert found.layers == "range(len(self.visual.blocks))"


def test_the_number_of_levels_may_be_a_bound() -> None:
    found = read(replaced(("index in range(len(levels))", "index < len(levels)"))).deepstack
    assert found == read(MODEL).deepstack


@pytest.mark.parametrize(
    "pairs",
    [
        [("hidden_states[places, :] + features", "hidden_states[places, :] * features")],
        [("places, :] + features", "places, :] + 2 * features")],
        [("return self.norm(hidden_states)", "return self.norm(hidden_states + levels[-1])")],
        [("index in range(len(levels))", "index % 2 == 0")],
        [("index in range(len(levels))", "index in range(len(others))")],
        [("if place in self.taken:", "if place in self.taken and place % 2:")],
        [("if place in self.taken:", "if place in taken_of(self):")],
        [("self.text = TextModel(", "self.text = AutoModel.from_config(")],
    ],
    ids=[
        "multiplied",
        "scaled",
        "elsewhere",
        "every-second",
        "others",
        "two-tests",
        "unknown",
        "no-class",
    ],
)
def test_anything_else_is_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(NotPortable, match="Deep also hands its language model places, levels"):
        read(replaced(*pairs))


def test_features_at_layers_alone_want_zeros_among_the_embeddings() -> None:
    with pytest.raises(NotPortable, match="also hands its language model"):
        read(keyed().replace("masked_fill(places, 0.0)", "masked_fill(places, 1.0)"))
