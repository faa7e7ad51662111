"""What a file of the first API lacks is taken from a port of its model, and from nothing else."""

from __future__ import annotations

import pytest

from mmport.codemods.migrate.changes import CODEMODS
from mmport.codemods.migrate.donor import Donor, read_donor
from mmport.codemods.migrate.reading import Reading
from mmport.codemods.migrate.run import Migrated, migrate_text
from mmport.vllm_api.surface.stubs import ModuleName

PORT = '''"""A port."""

import math
import re

import torch
from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import AutoWeightsLoader, WeightsMapper
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.processing import (
    BaseDummyInputsBuilder,
    BaseMultiModalProcessor,
    BaseProcessingInfo,
)

# Sides in pixels.
LARGEST = 448


def rounded(side: int) -> int:
    return math.ceil(side / 14)


class WrenInfo(BaseProcessingInfo):
    def count(self) -> int:
        return rounded(LARGEST)


class WrenDummies(BaseDummyInputsBuilder[WrenInfo]):
    pass


# Asks HF's processor.
class WrenProcessor(BaseMultiModalProcessor[WrenInfo]):
    pass


class WrenConnector(nn.Module):
    pass


@MULTIMODAL_REGISTRY.register_processor(
    WrenProcessor, info=WrenInfo, dummy_inputs=WrenDummies
)
class WrenForConditionalGeneration(nn.Module, SupportsMultiModal):
    # Any level.
    hf_to_vllm_mapper = WeightsMapper(
        orig_to_new_regex={re.compile(r"^(?:model\\.)?tower\\."): "tower.", re.compile("x"): None}
    )

    @classmethod
    def get_placeholder_str(cls, modality: str, i: int) -> str | None:
        return "<image>"

    def load_weights(self, weights):
        return AutoWeightsLoader(self).load_weights(weights)
'''
FILE = '''"""A model."""

from torch import nn
from vllm.inputs import INPUT_REGISTRY
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import AutoWeightsLoader, init_vllm_registered_model
from vllm.multimodal import MULTIMODAL_REGISTRY

WIDTH = 336


def most(ctx):
    return WIDTH


def shared(ctx):
    return 3


# The model.
@MULTIMODAL_REGISTRY.register_image_input_mapper()
@MULTIMODAL_REGISTRY.register_max_image_tokens(most)
@INPUT_REGISTRY.register_dummy_data(shared)
class WrenForConditionalGeneration(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.size = shared(vllm_config)
        self.tower = nn.Linear(1, 1)
        self.language_model = init_vllm_registered_model(vllm_config=vllm_config)

    def embed_multimodal(self, **kwargs):
        return self.tower(kwargs["pixel_values"])

    def load_weights(self, weights):
        loader = AutoWeightsLoader(self)
        return loader.load_weights(weights)
'''
NAME = "WrenForConditionalGeneration"
REGISTERING = tuple(one for one in CODEMODS if one.id in ("register-processor", "checkpoint-names"))


@pytest.fixture(scope="module")
def donor() -> Donor:
    return read_donor(PORT, NAME)


def migrated(text: str, donor: Donor | None) -> Migrated:
    reading = Reading(text, ModuleName("port.wren"), "0.6.6", "0.32.0", donor=donor)
    return migrate_text(reading, REGISTERING)


def test_of_a_port_comes_what_its_registration_needs_and_nothing_else(donor: Donor) -> None:
    assert list(donor.helpers) == ["LARGEST", "rounded", "WrenInfo", "WrenDummies", "WrenProcessor"]
    assert donor.helpers["LARGEST"].startswith("# Sides in pixels.\n")
    assert donor.helpers["WrenProcessor"].startswith("# Asks HF's processor.\n")
    assert donor.decorator.startswith("@MULTIMODAL_REGISTRY.register_processor(\n")
    assert set(donor.members) == {"get_placeholder_str", "hf_to_vllm_mapper"}
    needed = donor.imports_of([*donor.helpers.values()])
    assert {one.bound for one in needed} == {
        *("math", "BaseProcessingInfo", "BaseDummyInputsBuilder", "BaseMultiModalProcessor")
    }


def test_it_takes_the_place_of_the_decorators_and_of_what_was_theirs(donor: Donor) -> None:
    done = migrated(FILE, donor)
    assert not done.notes
    before, _, after = done.text.partition("class WrenForConditionalGeneration(")
    for code in donor.helpers.values():
        assert before.count(code) == 1
    assert f"# The model.\n{donor.decorator}\n" in before
    assert "INPUT_REGISTRY" not in done.text
    assert "def most" not in done.text
    assert "WIDTH" not in done.text
    assert "def shared(ctx):" in before  # the constructor asks it too
    assert "def get_placeholder_str" in after
    assert "class WrenConnector" not in done.text
    compile(done.text, "wren.py", "exec")


def test_a_second_run_changes_nothing_whether_the_model_is_named_or_not(donor: Donor) -> None:
    text = migrated(FILE, donor).text
    assert migrated(text, donor).text == text
    assert migrated(text, None).text == text


def test_line_ends_are_those_of_the_file(donor: Donor) -> None:
    text = migrated(FILE, donor).text
    assert migrated(FILE.replace("\n", "\r\n"), donor).text == text.replace("\n", "\r\n")


def test_names_of_weights_are_the_ports_where_all_its_parts_are_there(donor: Donor) -> None:
    assert donor.members["hf_to_vllm_mapper"].strip() in migrated(FILE, donor).text
    other = FILE.replace("self.tower", "self.encoder")
    assert "model.encoder." in migrated(other, donor).text
    assert "re.compile" not in migrated(other, donor).text


def test_what_the_class_says_of_itself_stays(donor: Donor) -> None:
    own = "    def embed_multimodal(self"
    said = (
        '    @classmethod\n    def get_placeholder_str(cls, modality, i):\n        return "<i>"\n'
    )
    text = migrated(FILE.replace(own, f"{said}\n{own}"), donor).text
    assert text.count("def get_placeholder_str") == 1
    assert 'return "<i>"' in text


def test_a_class_of_another_name_is_served_if_it_is_the_only_one(donor: Donor) -> None:
    alone = FILE.replace(NAME, "FinchForConditionalGeneration")
    assert donor.decorator in migrated(alone, donor).text
    _, _, second = FILE.partition("# The model.\n")
    two = f"{alone}\n\n{second.replace(NAME, 'TitForConditionalGeneration')}"
    done = migrated(two, donor)
    assert donor.decorator not in done.text
    assert {one.scope[0] for one in done.notes} == {
        *("FinchForConditionalGeneration", "TitForConditionalGeneration")
    }
    assert all("the model that is named is a Wren" in one.message for one in done.notes)


def test_a_name_that_the_file_uses_otherwise_is_not_taken(donor: Donor) -> None:
    text = FILE.replace("WIDTH = 336\n", "WIDTH = 336\nLARGEST = 12\n")
    done = migrated(f"{text}\n\nprint(LARGEST)\n", donor)
    assert "register_image_input_mapper()" in done.text
    (note,) = done.notes
    assert "the file has a LARGEST of its own" in note.message
    assert "--model" in note.fix


def test_without_a_port_what_cannot_be_told_of_the_file_is_left(donor: Donor) -> None:
    done = migrated(FILE, None)
    assert "register_image_input_mapper()" in done.text
    (note,) = done.notes
    assert note.scope == (NAME,)
    assert "register_dummy_data" in note.message
