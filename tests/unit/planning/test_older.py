"""What older releases cannot be given is refused by name, and names go back to what they were."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mmport.core.errors import NotPortable
from mmport.model.plan import PortPlan
from mmport.model.spec import VlmSpec
from mmport.planning.plan import plan_graft, plan_port
from mmport.vllm_api.catalog import resolve_target
from tests.golden.cases import load_spec


def plan(spec: VlmSpec | str, release: str) -> PortPlan:
    return plan_port(load_spec(spec) if isinstance(spec, str) else spec, resolve_target(release))


def mapped(made: PortPlan, name: str) -> str:
    for rule in made.renames:
        name = re.sub(rule.pattern, rule.replacement, name)
    return name


@pytest.mark.parametrize("saved", ["vision_tower.", "model.vision_tower.vision_model."])
@pytest.mark.parametrize(
    ("release", "level"), [("0.18.0", "vision_model."), ("0.24.0", ""), ("0.32.0", "")]
)
def test_a_level_that_transformers_5_took_out_is_there_beside_4(
    release: str, level: str, saved: str
) -> None:
    name = mapped(plan("llava_next", release), f"{saved}encoder.layers.0.mlp.fc1.weight")
    assert name == f"encoder.vision_tower.{level}encoder.layers.0.mlp.fc1.weight"


def test_the_first_transformers_with_the_classes_is_named() -> None:
    said = [one for one in plan("llava_next", "0.12.0").decisions if one.subject == "transformers"]
    assert [one.choice for one in said] == ["4.52 or newer, below 5"]
    assert not [
        one for one in plan("llava_next", "0.24.0").decisions if one.subject == "transformers"
    ]


def test_classes_that_transformers_4_lacks_are_refused() -> None:
    with pytest.raises(NotPortable, match=r"transformers 4.* has no GlmAsrModel"):
        plan("glmasr", "0.18.0")
    spec = load_spec("llava_next")
    assert spec.anatomy is not None
    method = replace(spec.anatomy.methods[0], name="get_new_features")
    anatomy = replace(spec.anatomy, methods=(method,))
    with pytest.raises(NotPortable, match="no get_new_features"):
        plan(replace(spec, anatomy=anatomy), "0.18.0")


@pytest.mark.parametrize("release", ["0.8.5", "0.11.0"])
def test_features_for_layers_need_a_release_that_merges_them_itself(release: str) -> None:
    with pytest.raises(NotPortable, match="hand features to layers"):
        plan("qwen3_vl", release)


def test_what_stands_beside_an_item_can_be_changed_from_the_release_with_a_hook_on() -> None:
    spec = load_spec("llava_next")
    framed = replace(spec, items=tuple(replace(one, framed=True) for one in spec.items))
    assert plan(framed, "0.29.0").items[0].framed
    with pytest.raises(NotPortable, match="change what stands beside an item") as refusal:
        plan(framed, "0.28.0")
    assert refusal.value.hint == "choose a newer release with --target-vllm"


@pytest.mark.parametrize("release", ["0.8.5", "0.10.2"])
def test_a_text_class_without_embeddings_is_refused(release: str) -> None:
    spec = load_spec()
    text = replace(spec.language_model, vllm_architecture="Olmo2ForCausalLM", candidates=())
    with pytest.raises(NotPortable, match=r"Olmo2ForCausalLM .* has no get_input_embeddings"):
        plan(replace(spec, language_model=text), release)


def test_rewrite_names_the_first_release_that_its_codemods_write_for() -> None:
    plan_graft(load_spec(), resolve_target("0.18.0"))
    plan_graft(load_spec(), resolve_target("0.8.4"))
    with pytest.raises(
        NotPortable, match=r"no codemods for the contract of vLLM 0\.17\.1"
    ) as refusal:
        plan_graft(load_spec(), resolve_target("0.17.1"))
    assert "name 0.18.0 or newer" in (refusal.value.hint or "")
