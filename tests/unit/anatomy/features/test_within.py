"""Classes that are the language model themselves, and modules that hold it beside a tower."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from mmport.anatomy.features.modeling import read_anatomy
from mmport.core.errors import NotPortable
from mmport.core.source_tree import SourceTree
from mmport.inspection import hf_library
from mmport.model.spec import Anatomy, NestedModel

HEAD = """
import torch
from torch import nn
from transformers import AutoModel, LlamaForCausalLM, LlamaModel, PreTrainedModel

"""
INNER = """
class Seeing:
    def __init__(self, config):
        super().__init__(config)
        self.tower = AutoModel.from_config(config.vision_config)
        self.projector = nn.Linear(config.vision_config.hidden_size, config.hidden_size)

    def get_tower(self):
        return getattr(self, "tower", None)


class XModel(Seeing, LlamaModel):
    pass


"""
MERGE = """
embeds = self.get_input_embeddings()(input_ids)
if pixel_values is not None:
    embeds[input_ids == self.config.image_token_id] = self.encode(pixel_values).flatten(0, 1)
"""
BASE_CALL = "return super().forward(inputs_embeds=embeds, attention_mask=attention_mask)"


def class_of(bases: str, init: str, encode: str, call: str = BASE_CALL, more: str = "") -> str:
    """Write a class `X` that merges in its `forward`."""
    methods = {
        "__init__(self, config)": "super().__init__(config)\n" + dedent(init),
        "encode(self, pixel_values)": dedent(encode),
        "forward(self, input_ids=None, pixel_values=None, attention_mask=None)": MERGE + call,
    }
    written = (f"def {head}:\n{indent(body, '    ')}\n" for head, body in methods.items())
    return f"class X({bases}):\n" + indent("".join(written) + dedent(more), "    ")


def read(text: str, architecture: str = "X") -> Anatomy:
    tree = SourceTree(hf_library.source_tree().root, {"modeling_x": HEAD + text})
    return read_anatomy(tree, "modeling_x", architecture)


@pytest.mark.parametrize(
    "encode",
    [
        "return self.model.projector(self.model.get_tower()(pixel_values))",
        "return self.get_model().projector(self.get_model().get_tower()(pixel_values))",
        "model = self.get_model()\nreturn model.projector(model.get_tower()(pixel_values))",
    ],
)
def test_a_decoder_with_a_tower_in_it_is_taken_apart(encode: str) -> None:
    more = "def get_model(self):\n    return self.model\n"
    found = read(
        INNER + class_of("LlamaForCausalLM", "self.model = XModel(config)", encode, more=more)
    )
    assert found.language_model == "model"
    assert found.parts == ("model.tower", "model.projector")
    assert found.statements == ()
    assert found.within == NestedModel(
        attribute="model",
        module="modeling_x",
        owner="XModel",
        methods=("get_tower",),
        statements=(
            "self.tower = AutoModel.from_config(config.vision_config)",
            "self.projector = nn.Linear(config.vision_config.hidden_size, config.hidden_size)",
        ),
    )


def test_a_tower_beside_the_layers_of_the_base() -> None:
    init = "self.tower = AutoModel.from_config(config.vision_config)"
    found = read(class_of("LlamaForCausalLM", init, "return self.tower(pixel_values)[0]"))
    assert (found.language_model, found.parts, found.within) == ("model", ("tower",), None)


def test_a_decoder_that_merges_itself() -> None:
    init = "self.tower = AutoModel.from_config(config.vision_config)"
    text = class_of("LlamaModel", init, "return self.tower(pixel_values)[0]")
    causal = dedent("""

        class XForCausalLM(LlamaForCausalLM):
            def __init__(self, config):
                super().__init__(config)
                self.model = X(config)

            def forward(self, input_ids=None, pixel_values=None):
                return self.lm_head(self.model(input_ids=input_ids, pixel_values=pixel_values)[0])
    """)
    found = read(text + causal, "XForCausalLM")
    assert (found.path, found.language_model, found.parts) == ("model", "model", ("tower",))


@pytest.mark.parametrize("call", ["self.model.text", "self.model"])
def test_a_module_that_holds_the_decoder_beside_a_tower(call: str) -> None:
    inner = dedent("""
        class XModel(PreTrainedModel):
            def __init__(self, config):
                super().__init__(config)
                self.tower = AutoModel.from_config(config.vision_config)
                self.text = AutoModel.from_config(config.text_config)

            def forward(self, inputs_embeds=None, **kwargs):
                return self.text(inputs_embeds=inputs_embeds, **kwargs)


    """)
    found = read(
        inner
        + class_of(
            "PreTrainedModel",
            "self.model = XModel(config)",
            "return self.model.tower(pixel_values)[0]",
            f"return {call}(inputs_embeds=embeds, attention_mask=attention_mask)",
        )
    )
    assert found.language_model == "model.text"
    assert found.parts == ("model.tower",)


@pytest.mark.parametrize(
    "encode",
    [
        "return self.model.embed_tokens(pixel_values)",
        "return self.model.layers[0](self.model.tower(pixel_values))",
        "return run(self.model, pixel_values)",
        "return self.model.nowhere(pixel_values)",
    ],
)
def test_features_by_the_decoder_are_refused(encode: str) -> None:
    text = INNER + class_of("LlamaForCausalLM", "self.model = XModel(config)", encode)
    with pytest.raises(NotPortable, match="by its own language model"):
        read(text)


BESIDE = "self.tower = AutoModel.from_config(config.vision_config)\n"
LANGUAGE = "self.llm = AutoModel.from_config(config.text_config)\n"
CALL = "return self.llm(inputs_embeds=embeds, attention_mask=attention_mask)"


def test_sizes_of_the_language_model_are_taken_from_its_config() -> None:
    init = BESIDE + LANGUAGE + "width = self.llm.config.hidden_size\n"
    init += "self.out = nn.Linear(width, self.llm.get_input_embeddings().embedding_dim)"
    encode = "return self.out(self.tower(pixel_values)[0])"
    found = read(class_of("PreTrainedModel", init, encode, CALL))
    assert found.statements[1:] == (
        "width = config.text_config.hidden_size",
        "self.out = nn.Linear(width, config.text_config.hidden_size)",
    )


def test_what_else_is_taken_of_the_language_model_is_refused() -> None:
    init = BESIDE + LANGUAGE + "self.out = nn.Linear(1, self.llm.embed_tokens.weight.shape[1])"
    with pytest.raises(NotPortable, match="takes sizes of its encoder from its language model"):
        read(
            class_of("PreTrainedModel", init, "return self.out(self.tower(pixel_values)[0])", CALL)
        )


def test_a_dtype_that_is_asked_of_the_language_model_is_the_encoders() -> None:
    more = "def see(self, x):\n    return self.tower(x.to(self.llm.device, self.llm.dtype))[0]\n"
    encode = "return self.see(pixel_values.to(self.llm.dtype))"
    found = read(class_of("PreTrainedModel", BESIDE + LANGUAGE, encode, CALL, more))
    assert found.methods[0].source.endswith("return self.see(pixel_values.to(self.dtype))")
    assert [name for name, _ in found.helpers] == ["see"]
    assert "self.tower(x.to(self.device, self.dtype))[0]" in found.helpers[0][1]
    assert found.parts == ("tower",)


def test_transformers_is_where_it_is_looked_for() -> None:
    assert Path(hf_library.source_tree().root, "transformers", "models", "llama").is_dir()
