"""Plans of ports that hold HF's own encoder, from committed specs."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mmport.core.errors import MalformedSource, NotPortable
from mmport.generation.plans import check_plan
from mmport.generation.render import render_port
from mmport.model.conversions import Operation, TensorChange
from mmport.model.plan import PortPlan, Strategy
from mmport.model.spec import Anatomy, VlmSpec
from mmport.planning.wrapped_weights import WeightMap
from tests.golden.cases import load_spec, plan_of, port_of

WRAPPED = ("blip_2", "brindle", "corvid", "glm4v", "llava_next", "qwen2_vl")


def anatomy_of(spec: VlmSpec) -> Anatomy:
    assert spec.anatomy is not None
    return spec.anatomy


def decided(plan: PortPlan, subject: str) -> list[str]:
    return [one.choice for one in plan.decisions if one.subject == subject]


@pytest.mark.parametrize("name", WRAPPED)
def test_the_encoder_is_wrapped_and_the_language_model_reused(name: str) -> None:
    plan = plan_of(load_spec(name))
    assert plan.wrapped
    assert plan.component("encoder").vllm_path == "encoder"
    assert plan.component("language_model").strategy is Strategy.REUSE
    check_plan(plan)


@pytest.mark.parametrize("name", WRAPPED)
def test_every_tensor_of_the_checkpoint_has_a_place(name: str) -> None:
    spec = load_spec(name)
    plan = plan_of(spec)
    for group in spec.checkpoint.tensors if spec.checkpoint else ():
        tensor = group.pattern.replace("{}", "0")
        for rule in plan.renames:
            tensor = re.sub(rule.pattern, rule.replacement, tensor)
        assert tensor.startswith(("encoder.", "language_model."))


def test_what_is_left_out_is_said() -> None:
    plan = plan_of(load_spec("qwen2_vl"))
    assert decided(plan, "video") == ["left out"]
    assert "Video" in port_of(load_spec("qwen2_vl"))["README.md"]


def test_carried_code_is_part_of_the_port() -> None:
    files = port_of(load_spec("brindle"))
    assert "brindle_chat_vllm/modeling_brindle_chat.py" in files
    assert (
        "brindle_chat_vllm.modeling_brindle_chat import"
        in files["brindle_chat_vllm/brindle_chat.py"]
    )


def test_carried_code_does_not_fit_into_one_file() -> None:
    spec = load_spec("brindle")
    with pytest.raises(NotPortable, match="no single file"):
        render_port(plan_of(spec, "file"), spec)


def test_one_file_has_the_search_for_sizes_in_it() -> None:
    (text,) = port_of(load_spec("llava_next"), "file").values()
    assert "def find_image_size_with_most_tokens(" in text
    assert ".image_sizes" not in text


def test_features_of_the_prompts_words_are_refused() -> None:
    spec = load_spec("llava_next")
    (method,) = anatomy_of(spec).methods
    asked = replace(method, inputs=(*method.inputs, ("ids", "qformer_input_ids")))
    with pytest.raises(NotPortable, match="from the words of the prompt"):
        plan_of(replace(spec, anatomy=replace(anatomy_of(spec), methods=(asked,))))


def test_a_processor_that_writes_no_tokens_is_refused() -> None:
    spec = load_spec("llava_next")
    silent = tuple(replace(item, written="tokens") for item in spec.items)
    with pytest.raises(NotPortable, match="does not put the tokens"):
        plan_of(replace(spec, items=silent))


def test_a_model_without_images_is_refused() -> None:
    spec = load_spec("llava_next")
    heard = tuple(replace(one, modality="audio") for one in anatomy_of(spec).methods)
    with pytest.raises(NotPortable, match="features of audio; a port of this kind takes images"):
        plan_of(replace(spec, anatomy=replace(anatomy_of(spec), methods=heard)))


def test_tensors_that_only_transformers_can_make_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change = TensorChange(("q",), ("q",), (Operation("PermuteForRope"),), "")
    found = WeightMap((), (), (change,))
    monkeypatch.setattr("mmport.planning.wrapped.wrapped_weights", lambda *_, **__: found)
    with pytest.raises(NotPortable, match="PermuteForRope"):
        plan_of(load_spec("llava_next"))


@pytest.mark.parametrize("token", ["x; import os", "a b", ""])
def test_a_plan_whose_expressions_are_none_is_refused(token: str) -> None:
    plan = plan_of(load_spec("llava_next"))
    item = replace(plan.items[0], token_id=token)
    with pytest.raises(MalformedSource, match="no expression"):
        check_plan(replace(plan, items=(item,)))


def test_a_statement_that_is_no_python_is_refused() -> None:
    spec = load_spec("llava_next")
    broken = replace(anatomy_of(spec), statements=("self.x = (",))
    with pytest.raises(MalformedSource, match="no Python"):
        port_of(replace(spec, anatomy=broken))
