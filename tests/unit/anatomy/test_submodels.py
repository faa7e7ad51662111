"""The models within a model, and how their modules are called."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from mmport.anatomy.classes import find_class
from mmport.anatomy.submodels import Inside, read_inside
from mmport.core.source_tree import SourceTree
from mmport.model.conversions import Submodel

SOURCE = """
from elsewhere import Odd
from torch import nn
from torch.nn import LayerNorm
from transformers import AutoModel, PreTrainedModel


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.norm = LayerNorm(config.width)
        self.mlp = nn.Linear(1, 1)
        self.register_buffer("freqs", make(config), persistent=False)
        self.scale = nn.Buffer(make(config), persistent=False)


class Tower(PreTrainedModel):
    _keys_to_ignore_on_load_unexpected = ["head", r"^mtp.*"]

    def __init__(self, config):
        super().__init__(config)
        self.width = config.width
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.depth)])


class Whole(PreTrainedModel):
    def __init__(self, config, projector=None):
        super().__init__(config)
        if config.small:
            tower = Tower(config.vision_config)
        else:
            tower = Tower(config.other_config)
        self.tower = tower
        self.text = AutoModel.from_config(config.text_config)
        self.unknown = AutoModel.from_config(config.missing_config)
        self.odd = Odd(config)
        self.projector = projector
        self.newline = nn.Parameter(torch.zeros(1))

    def forward(self, pixels):
        return self.projector(self.tower(pixels)) * self.config.factor
"""
CONFIG = {
    "model_type": "whole",
    "small": True,
    "vision_config": {"model_type": "clip_vision_model"},
    "text_config": {"model_type": "qwen2"},
}


def inside(module: str = "repo") -> Inside:
    import importlib.util

    spec = importlib.util.find_spec("transformers")
    assert spec is not None
    assert spec.origin is not None
    tree = SourceTree(Path(spec.origin).parent.parent, {module: dedent(SOURCE)})
    found = find_class(tree, module, "Whole")
    assert found is not None
    return read_inside(found, CONFIG)


def test_a_repos_own_classes_are_none_that_transformers_knows() -> None:
    assert inside().submodels == [Submodel("text", "Qwen2Model", "qwen2")]


def test_models_are_found_where_they_are_made() -> None:
    found = inside("transformers.models.whole").submodels
    assert Submodel("", "Whole", "whole") in found
    assert Submodel("tower", "Tower", "clip_vision_model") in found
    assert Submodel("text", "Qwen2Model", "qwen2") in found


def test_names_are_known_through_lists_and_variables() -> None:
    names = inside().names_below("tower")
    assert names == frozenset({"blocks", "width", "norm", "mlp", "freqs", "scale"})


def test_what_has_no_source_may_be_anything() -> None:
    found = inside()
    assert found.opaque >= {"unknown", "odd", "projector"}
    for path in ("unknown", "odd", "projector"):
        assert found.names_below(path) is None
        assert path not in found.names()
    assert found.names_below("newline") == frozenset()


def test_what_holds_tensors_is_told_from_settings() -> None:
    holders = inside().holders
    assert {"tower", "text", "newline", "tower.blocks"} <= holders
    assert "tower.width" not in holders


def test_what_is_not_loaded_is_noted_where_it_is_said() -> None:
    found = inside()
    assert found.ignored["tower"] == {"head", "^mtp.*"}
    assert found.transient_below("tower") == {"freqs", "scale"}
    assert found.transient_below("text") >= {"inv_freq"}
