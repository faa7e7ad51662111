"""What is read of a model's class: owner, features, parts, language model, positions."""

from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent, indent

import pytest

from mmport.anatomy.features.modeling import read_anatomy
from mmport.core.errors import NotPortable
from mmport.core.source_tree import SourceTree
from mmport.model.spec import Anatomy, ImportedName

HEAD = """
import math

import torch
from torch import nn
from transformers import AutoModel, PreTrainedModel

from .projector import Projector


class Tiny(PreTrainedModel):
"""
INIT = """
    def __init__(self, config, tower=None):
        super().__init__(config)
        # Built anew unless one is given.
        if tower is not None:
            self.tower = tower
        else:
            self.tower = AutoModel.from_config(config.vision_config)
        self.unused = AutoModel.from_config(config.audio_config)
        width = math.prod(config.sizes)
        self.projector = Projector(width)
        self.llm = AutoModel.from_config(config.text_config)
        self.image_id = config.image_token_id
        self.post_init()
"""
FEATURES = """
    def features(self, pixel_values, sizes=None):
        return self.project(self.tower(pixel_values).last_hidden_state)

    def project(self, hidden):
        return self.projector(hidden)
"""
SCATTER = """
            mask = (input_ids == self.image_id).unsqueeze(-1)
            inputs_embeds = inputs_embeds.masked_scatter(mask, found)
        return self.llm(inputs_embeds=inputs_embeds, attention_mask=attention_mask)
"""


def forward(body: str, parameters: str = "pixel_values=None") -> str:
    head = f"""
    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None, {parameters}):
        if inputs_embeds is None:
            inputs_embeds = self.llm.get_input_embeddings()(input_ids)
        if pixel_values is not None:
"""
    return head + indent(dedent(body), " " * 12) + SCATTER


def read(*members: str, name: str = "Tiny") -> Anatomy:
    text = HEAD + "".join(members)
    return read_anatomy(SourceTree(Path("nowhere"), {"modeling_tiny": text}), "modeling_tiny", name)


def test_features_are_a_method_that_forward_calls() -> None:
    anatomy = read(INIT, FEATURES, forward("found = self.features(pixel_values)"))

    (method,) = anatomy.methods
    assert (method.name, method.inputs) == ("features", (("pixel_values", "pixel_values"),))
    assert (method.modality, method.result, method.source) == ("image", "", "")
    assert method.token == "image_token_id"
    assert anatomy.language_model == "llm"
    assert (anatomy.owner, anatomy.path) == ("Tiny", "")


def test_only_what_features_need_is_constructed() -> None:
    anatomy = read(INIT, FEATURES, forward("found = self.features(pixel_values)"))

    assert anatomy.parts == ("tower", "projector")
    assert anatomy.statements == (
        "self.tower = AutoModel.from_config(config.vision_config)",
        "width = math.prod(config.sizes)",
        "self.projector = Projector(width)",
    )
    assert anatomy.imports == (
        ImportedName("AutoModel", "transformers"),
        ImportedName("Projector", "projector"),
        ImportedName("math", "math", whole=True),
    )


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("found = self.features(pixel_values).pooler_output", "pooler_output"),
        (
            "found = self.features(pixel_values).pooler_output.to(inputs_embeds.dtype)",
            "pooler_output",
        ),
        ("found = torch.cat(self.features(pixel_values), dim=0)", ""),
        ("outputs = self.features(pixel_values)\nfound = outputs.image", "image"),
        ("found = self.features(pixel_values).flatten(0, 1).to(inputs_embeds)", ""),
        ("kept = {}\nkept['a'] = self.features(pixel_values)\nfound = kept['a'].rows", "rows"),
    ],
)
def test_the_attribute_that_holds_features_is_found(body: str, result: str) -> None:
    (method,) = read(INIT, FEATURES, forward(body)).methods
    assert (method.name, method.result, method.source) == ("features", result, "")


def test_what_forward_does_inline_becomes_a_method() -> None:
    body = """
        hidden = self.tower(pixel_values.to(self.dtype)).last_hidden_state
        found = self.projector(hidden[:, 1:]).to(inputs_embeds.device, inputs_embeds.dtype)
    """
    (method,) = read(INIT, forward(body)).methods

    assert method.name == "embed_images"
    assert method.source.splitlines() == [
        "def embed_images(self, pixel_values):",
        "    hidden = self.tower(pixel_values.to(self.dtype)).last_hidden_state",
        "    found = self.projector(hidden[:, 1:])",
        "    return found",
    ]


def test_an_argument_that_forward_makes_up_is_kept() -> None:
    body = "found = self.features(pixel_values, sizes=self.config.sizes)"
    (method,) = read(INIT, FEATURES, forward(body)).methods
    assert "sizes=self.config.sizes" in method.source


def test_a_default_that_forward_gives_is_kept() -> None:
    body = """
        sizes = sizes if sizes is not None else self.config.sizes
        found = self.features(pixel_values, sizes=sizes)
    """
    parameters = "pixel_values=None, sizes: int | None = None"
    (method,) = read(INIT, FEATURES, forward(body, parameters)).methods
    ast.parse(method.source)
    assert "sizes = self.config.sizes" in method.source


def test_what_an_inline_method_reads_of_its_module_is_imported() -> None:
    body = """
        rows = [math.sqrt(2) * row for row in self.tower(pixel_values)]
        found = torch.stack(rows)
    """
    anatomy = read(INIT, forward(body))
    assert ImportedName("math", "math", whole=True) in anatomy.imports
    assert not {item.name for item in anatomy.imports} & {"row", "rows", "pixel_values"}


def test_an_inline_method_that_reads_what_only_forward_has_is_refused() -> None:
    body = "found = self.tower(pixel_values) * inputs_embeds.shape[-1]"
    with pytest.raises(NotPortable, match="from inputs_embeds, which only its forward has"):
        read(INIT, forward(body))


@pytest.mark.parametrize(
    ("rows", "packed"),
    [("[:1]", True), ("[0:1]", True), ("[0]", True), ("[1:]", False), ("[:, 0]", False)],
)
def test_an_input_of_which_the_first_row_is_taken_is_packed(rows: str, packed: bool) -> None:
    inline = read(INIT, FEATURES, forward(f"found = self.features(pixel_values{rows})"))
    taken = FEATURES.replace("self.tower(pixel_values)", f"self.tower(pixel_values{rows})")
    inside = read(INIT, taken, forward("found = self.features(pixel_values)"))
    assert [inline.methods[0].packed, inside.methods[0].packed] == [packed, packed]


def test_a_method_that_merges_is_followed() -> None:
    merging = """
    def _embed(self, ids, pixels):
        rows = self.llm.get_input_embeddings()(ids)
        rows[ids == self.config.mark_id] = self.features(pixels).flatten(0, 1)
        return rows

    def forward(self, pixel_values=None, input_ids=None, attention_mask=None):
        return self.llm(inputs_embeds=self._embed(input_ids, pixel_values))
"""
    anatomy = read(INIT, FEATURES, merging)
    (method,) = anatomy.methods
    assert method.inputs == (("pixel_values", "pixel_values"),)
    assert method.token == "mark_id"
    assert anatomy.language_model == "llm"


def test_the_model_within_the_model_is_the_owner() -> None:
    outer = """

class Outer(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.inner = Tiny(config)
        self.head = nn.Linear(1, 2)

    def forward(self, input_ids=None, pixel_values=None):
        return self.head(self.inner(input_ids=input_ids, pixel_values=pixel_values))
"""
    members = (INIT, FEATURES, forward("found = self.features(pixel_values)"), outer)
    anatomy = read(*members, name="Outer")
    assert (anatomy.owner, anatomy.path) == ("Tiny", "inner")
    assert anatomy.language_model == "inner.llm"


def test_features_at_two_places_are_refused() -> None:
    body = """
        both = self.features(pixel_values)
        inputs_embeds = inputs_embeds + both.deep
        found = both.rows
    """
    with pytest.raises(NotPortable, match=r"more than one place \(deep, rows\)"):
        read(INIT, FEATURES, forward(body))


def test_a_model_without_a_merge_is_refused() -> None:
    silent = """
    def forward(self, input_ids=None, pixel_values=None):
        return self.llm(inputs_embeds=self.llm.get_input_embeddings()(input_ids))
"""
    with pytest.raises(NotPortable, match="does not merge"):
        read(INIT, silent)


def test_features_by_the_language_model_are_refused() -> None:
    by_text = """
    def features(self, pixel_values):
        return self.llm.get_input_embeddings()(self.tower(pixel_values))
"""
    with pytest.raises(NotPortable, match="by its own language model"):
        read(INIT, by_text, forward("found = self.features(pixel_values)"))


def test_a_class_that_is_not_there_is_refused() -> None:
    with pytest.raises(NotPortable, match="not there"):
        read(INIT, name="Other")


@pytest.mark.parametrize(
    "test",
    [
        "pixel_values is not None and input_ids.shape[1] != 1",
        "input_ids.shape[1] > 1",
        "cache_position[0] == 0",
    ],
)
def test_the_branch_of_a_whole_prompt_is_read(test: str) -> None:
    merging = f"""
    def forward(self, input_ids=None, pixel_values=None, inputs_embeds=None, cache_position=None):
        inputs_embeds = self.llm.get_input_embeddings()(input_ids)
        if {test}:
            found = self.features(pixel_values)
            inputs_embeds[input_ids == self.config.mark_id] = found
        return self.llm(inputs_embeds=inputs_embeds)
"""
    (method,) = read(INIT, FEATURES, merging).methods
    assert (method.name, method.source) == ("features", "")


def test_the_part_of_the_language_model_that_is_called_leads_to_it() -> None:
    body = FEATURES + forward("found = self.features(pixel_values)").replace(
        "return self.llm(", "return self.llm.model("
    )
    assert read(INIT, body).language_model == "llm"


def test_an_id_may_be_a_number_of_the_module() -> None:
    merging = """
    def forward(self, input_ids=None, pixel_values=None, inputs_embeds=None):
        inputs_embeds = self.llm.get_input_embeddings()(input_ids)
        inputs_embeds[input_ids == IMAGE_ID] = self.features(pixel_values)
        return self.llm(inputs_embeds=inputs_embeds)


IMAGE_ID = 4711
"""
    (method,) = read(INIT, FEATURES, merging).methods
    assert method.token == "4711"


def test_a_base_makes_what_the_class_does_not() -> None:
    base = INIT.replace("self.projector = Projector(width)", "pass")
    heir = """

class Heir(Tiny):
    def __init__(self, config):
        super().__init__(config)
        self.projector = Projector(config.width)
"""
    anatomy = read(
        base, FEATURES, forward("found = self.features(pixel_values)"), heir, name="Heir"
    )
    assert anatomy.parts == ("tower", "projector")
    assert anatomy.statements[-1] == "self.projector = Projector(config.width)"


def test_a_language_model_that_is_given_more_is_refused() -> None:
    merging = """
    def forward(self, input_ids=None, pixel_values=None, inputs_embeds=None):
        inputs_embeds = self.llm.get_input_embeddings()(input_ids)
        inputs_embeds[input_ids == self.config.mark_id] = self.features(pixel_values)
        layerwise = self.unused(input_ids)
        return self.llm(inputs_embeds=inputs_embeds, per_layer=layerwise)
"""
    with pytest.raises(NotPortable, match="also hands its language model per_layer"):
        read(INIT, FEATURES, merging)


def test_so_is_one_that_is_told_which_tokens_are_of_media() -> None:
    merging = """
    def forward(self, input_ids=None, pixel_values=None, moe_mm_token_type_ids=None):
        embeds = self.llm.get_input_embeddings()(input_ids)
        embeds[input_ids == self.config.mark_id] = self.features(pixel_values)
        return self.llm(inputs_embeds=embeds, moe_mm_token_type_ids=moe_mm_token_type_ids)
"""
    with pytest.raises(NotPortable, match="also hands its language model moe_mm_token_type_ids"):
        read(INIT, FEATURES, merging)


def test_ids_that_are_embedded_in_the_place_of_others_are_told() -> None:
    merging = """
    def forward(self, input_ids=None, pixel_values=None):
        ids = input_ids.masked_fill(input_ids == self.config.mark_id, 0)
        embeds = self.llm.get_input_embeddings()(ids)
        embeds[input_ids == self.config.mark_id] = self.features(pixel_values)
        return self.llm(inputs_embeds=embeds)
"""
    found = read(INIT, FEATURES, merging).text_ids
    assert "ids = input_ids.masked_fill(input_ids == self.config.mark_id, 0)" in found


def test_a_modality_that_cannot_be_read_is_left_out() -> None:
    body = """
        video = self.features(video_values)
        inputs_embeds = inputs_embeds + video.deep
        inputs_embeds = inputs_embeds + video.rows
        found = self.features(pixel_values)
    """
    parameters = "pixel_values=None, video_values=None"
    anatomy = read(INIT, FEATURES, forward(body, parameters))
    assert [method.modality for method in anatomy.methods] == ["image"]
    assert [modality for modality, _ in anatomy.unread] == ["video"]


def test_frames_stand_where_images_do() -> None:
    """A model that compares ids with those of images alone has no others for frames."""
    body = """
        found = self.features(video_values)
        starts = (input_ids == self.config.video_start_token_id).cumsum(-1)
    """
    anatomy = read(INIT, FEATURES, forward(body, "pixel_values=None, video_values=None"))
    assert [(one.modality, one.token) for one in anatomy.methods] == [("video", "image_token_id")]


def test_a_method_joins_what_it_takes_rows_from() -> None:
    """Joining is left out where nothing comes behind it, and not where rows are chosen."""
    body = """
        rows = self.tower(pixel_values).last_hidden_state
        rows = torch.cat(rows, dim=0).to(inputs_embeds.dtype)
        found = rows[mask]
    """
    (method,) = read(INIT, forward(body, "pixel_values=None, mask=None")).methods
    assert "rows = torch.cat(rows, dim=0)" in method.source
