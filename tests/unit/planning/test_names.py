from __future__ import annotations

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.core.errors import NotPortable
from mmport.model.plan import PortNames
from mmport.planning.names import is_identifier, port_names
from mmport.templates.filters import distribution


@pytest.mark.parametrize(
    ("architecture", "names"),
    [
        ("LlavaForConditionalGeneration", ("llava-vllm", "llava_vllm", "llava", "Llava")),
        (
            "Qwen2VLForConditionalGeneration",
            ("qwen2-vl-vllm", "qwen2_vl_vllm", "qwen2_vl", "Qwen2VL"),
        ),
        ("ABCForCausalLM", ("abc-model-vllm", "abc_model_vllm", "abc_model", "ABC")),
        ("TorchModel", ("torch-model-vllm", "torch_model_vllm", "torch_model", "Torch")),
        ("ClassForVision2Seq", ("class-model-vllm", "class_model_vllm", "class_model", "Class")),
        ("Model", ("model-vllm", "model_vllm", "model", "Model")),
        ("_x", ("x-vllm", "_x_vllm", "_x", "_x")),
    ],
)
def test_names_come_from_the_architecture(architecture: str, names: tuple[str, ...]) -> None:
    assert port_names(architecture) == PortNames(*names)


@pytest.mark.parametrize(
    "architecture",
    [
        "",
        "../../etc/passwd",
        "A B",
        "Llava\n",
        "Llava:import os",
        "class",
        "match",
        "Müller",
        "1Llava",
        'L"); import os; os.system("x")#',
        "Llava.Model",
    ],
)
def test_what_is_no_class_name_is_refused(architecture: str) -> None:
    with pytest.raises(NotPortable, match="not a class name"):
        port_names(architecture)


@given(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True).filter(is_identifier))
def test_every_name_can_be_used_as_what_it_is_for(architecture: str) -> None:
    names = port_names(architecture)
    for name in (names.package, names.module, names.class_prefix):
        assert name.isidentifier()
        assert not keyword.iskeyword(name)
    assert distribution(names.distribution) == names.distribution
