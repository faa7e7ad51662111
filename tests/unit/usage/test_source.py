from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from mmport.gate.api.check import check_source
from mmport.usage.module_name import module_name
from mmport.usage.source import read_model_file
from mmport.usage.whereabouts import home, last_stub, whereabouts
from mmport.vllm_api.surface.release import names_of
from mmport.vllm_api.surface.stubs import ModuleName

MODELS = "vllm.model_executor.models"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("site-packages/vllm/model_executor/models/llava.py", f"{MODELS}.llava"),
        ("vllm/vllm/model_executor/models/__init__.py", MODELS),
        ("plugins/my_model.py", "port.my_model"),
    ],
)
def test_a_file_in_a_copy_of_vllm_is_the_module_that_it_is_there(path: str, name: str) -> None:
    assert module_name(Path(path), ast.parse("")).name == name


def test_a_file_that_was_copied_out_of_vllm_still_means_its_neighbours(tmp_path: Path) -> None:
    tree = ast.parse("from .interfaces import SupportsMultiModal")
    assert module_name(tmp_path / "mine.py", tree).name == f"{MODELS}.mine"
    (tmp_path / "interfaces.py").write_text("")
    assert module_name(tmp_path / "mine.py", tree).name == "port.mine"
    text = "from .interfaces import SupportsNothing\n"
    (tmp_path / "interfaces.py").unlink()
    (found,) = check_source(tmp_path / "vllm_mine.py", f"# vllm\n{text}", ("0.32.0",))
    assert found.message == f"{MODELS}.interfaces has no SupportsNothing"


def test_what_is_bound_twice_is_not_judged() -> None:
    text = """
        from vllm.model_executor.layers.rotary_embedding import get_rope
        from vllm.config import VllmConfig
        if fast:
            from vllm._custom_ops import rms_norm as ops
        else:
            from vllm._ipex_ops import ipex_ops as ops
        def build(get_rope): ...
    """
    file = read_model_file(ast.parse(dedent(text)), ModuleName("port.mine"))
    assert file.imported("get_rope") is None
    assert file.imported("ops") is None
    assert file.imported("VllmConfig") is not None


def test_classes_with_what_they_define_and_set() -> None:
    text = """
        class A:
            flag = True
            size: int = 3
            def __init__(self):
                self.tower = 1
            if True:
                def late(self): ...
    """
    file = read_model_file(ast.parse(dedent(text)), ModuleName("port.mine"))
    item = file.classes["A"]
    assert {"__init__", "late"} == item.methods.keys()
    assert {"flag", "size", "tower"} == item.attributes.keys()
    assert item.own("tower")
    assert not item.own("other")


@pytest.mark.parametrize(
    ("module", "name", "told"),
    [
        (
            "vllm.multimodal.profiling",
            "BaseDummyInputsBuilder",
            "from vllm.multimodal.processing import BaseDummyInputsBuilder",
        ),
        (
            "vllm.multimodal.inputs",
            "MultiModalDataDict",
            "from vllm.inputs import MultiModalDataDict",
        ),
        ("vllm.multimodal.inputs", "NobodyEverWroteThis", ""),
    ],
)
def test_where_a_name_is_to_be_had(module: str, name: str, told: str) -> None:
    assert whereabouts(names_of("0.32.0"), module, name) == told


@pytest.mark.parametrize(
    ("module", "name", "found"),
    [
        # Other modules have an `Attention` too, with other bases.
        ("vllm.attention.layer", "Attention", "vllm.model_executor.layers.attention"),
        ("vllm.model_executor.models.persimmon", "PersimmonAttention", ""),
    ],
)
def test_a_name_that_several_have_is_known_by_its_bases(module: str, name: str, found: str) -> None:
    before = names_of("0.14.1").find(module, name)
    assert before is not None
    assert home(names_of("0.32.0"), module, name, before.stub) == found


def test_a_plugins_own_neighbours_are_none_of_vllms(tmp_path: Path) -> None:
    tree = ast.parse("from .transformers_utils.modules import Adapter")
    assert module_name(tmp_path / "mine.py", tree).name == "port.mine"


def test_a_file_named_after_a_release_is_one_module(tmp_path: Path) -> None:
    assert module_name(tmp_path / "0.10.2.py", ast.parse("")).name == "port.0_10_2"


def test_of_the_paths_to_a_name_the_one_that_most_releases_have_is_given() -> None:
    layers = "vllm.model_executor.layers.attention"
    now = names_of("0.32.0")
    assert now.find(layers, "MMEncoderAttention") is not None
    encoder = home(now, "vllm.attention.layer", "MMEncoderAttention")
    assert encoder == f"{layers}.mm_encoder_attention"
    # Both paths came in one release: the shorter one.
    assert now.find(f"{layers}.attention", "Attention") is not None
    before = names_of("0.14.1").find("vllm.attention.layer", "Attention")
    assert before is not None
    assert home(now, "vllm.attention.layer", "Attention", before.stub) == layers


def test_what_a_name_was_is_told_by_the_last_release_that_had_it() -> None:
    assert last_stub("vllm.sequence", "PoolerOutput", "0.12.0") == "class(msgspec.Struct)"
    assert last_stub("vllm.sequence", "PoolerOutput", "0.5.1") == "dataclass()"
    assert last_stub("vllm.sequence", "NoSuchThing", "0.12.0") == ""
