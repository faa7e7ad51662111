"""transformers' renames, told in terms of a port."""

from __future__ import annotations

import re

import pytest

from mmport.model.conversions import NameRule
from mmport.planning.name_rules import Step, at, can_make, one_of, plain, read_step, within


@pytest.mark.parametrize(
    ("source", "target", "step"),
    [
        ("^vit", "model.vision_tower", Step("vit", "vision_tower", True)),
        (r"^model\.vit\.", "model.tower.", Step(r"vit\.", "tower.", True)),
        (r"model\.visual", "model.tower", Step("visual", "tower", True)),
        (r"(^|model\.)norm\.", r"\1text.norm.", Step(r"norm\.", "text.norm.", True)),
        (r"\.ls1", ".lambda_1", Step(r"\.ls1", ".lambda_1", False)),
        (r"(?<!text\.)layers", "text.layers", Step(r"(?<!text\.)layers", "text.layers", False)),
    ],
)
def test_a_rule_is_taken_apart(source: str, target: str, step: Step) -> None:
    assert read_step(NameRule(source, target), "model") == step


def test_a_step_knows_its_modules() -> None:
    step = Step(r"sam\.blocks\.(\d+)\.", r"tower.layers.\1.", True)
    assert (step.module, step.aim, step.changes) == ("sam", "tower", True)
    assert Step(r"\.a", ".b", False).module == ""
    assert not Step(r"projector\.", "projector.", True).changes


def renamed(rule: tuple[str, str], name: str) -> str:
    return re.sub(*rule, name)


def test_what_is_tied_to_the_start_acts_there_alone() -> None:
    rule = at("encoder.", Step("vit", "vision_tower", True))
    assert renamed(rule, "encoder.vit.norm") == "encoder.vision_tower.norm"
    assert renamed(rule, "encoder.a.vit") == "encoder.a.vit"


def test_what_is_not_acts_once_and_in_one_part() -> None:
    rule = within("encoder.", Step(r"(layers\.\d+)\.attn\.", r"\1.self_attn.", False))
    assert renamed(rule, "encoder.a.layers.0.attn.q") == "encoder.a.layers.0.self_attn.q"
    assert renamed(rule, "language_model.layers.0.attn.q") == "language_model.layers.0.attn.q"


def test_a_number_is_not_taken_for_a_group() -> None:
    assert renamed(within("e.", Step("first", "0", False)), "e.first.w") == "e.0.w"


@pytest.mark.parametrize(
    ("step", "name", "other"),
    [
        (Step("embedding", "embeddings", False), "e.embedding.w", "e.embeddings.w"),
        (Step("state", "time.state", False), "e.state.w", "e.time.state.w"),
    ],
)
def test_what_was_renamed_is_left_alone(step: Step, name: str, other: str) -> None:
    rule = within("e.", step)
    assert renamed(rule, name) == other
    assert renamed(rule, other) == other


@pytest.mark.parametrize(
    ("target", "possible"),
    [
        ("self_attn.q_proj", True),
        (".self_attn.q_", True),
        (".self_attn.q_.", False),
        ("attn.q_proj", True),
        (".attn.q_proj", False),
        (r"layers.\1.self_attn.", True),
        ("mlp.experts.gate", False),
        (".q_proj.bias", True),
    ],
)
def test_a_target_is_possible_if_modules_are_called_so(target: str, possible: bool) -> None:
    assert can_make(target, {"layers", "self_attn", "q_proj"}) is possible


def test_text_and_alternatives() -> None:
    assert plain(r"a\.b") == "a.b"
    assert plain(r"a\.(\d+)") == ""
    assert one_of(["a"]) == "a"
    assert one_of(["a", "b"]) == "(?:a|b)"
