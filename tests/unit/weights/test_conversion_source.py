"""transformers' table of conversions, read without running it."""

from __future__ import annotations

import ast
import re

import pytest

from mmport.core.errors import MalformedSource
from mmport.model.conversions import NameRule, Operation, TensorRule
from mmport.weights.conversion_source import class_rules, literal_dots, read_table
from mmport.weights.conversions import library_table

SOURCE = r"""
_MODEL_TO_CONVERSION_PATTERN = {"Sister": "Tower", "tower": "whole", "cousin": "odd"}

def _build_checkpoint_conversion_mapping():
    mapping = {
        "Tower": [PrefixChange(prefix_to_remove="vision_model")],
        "wrapper": [PrefixChange(prefix_to_add="timm_model", model_prefix="model")],
        "whole": [
            WeightRenaming(r"^language_model.model", "model.language_model"),
            WeightRenaming(source_patterns=r"^llm(?!\.head)", target_patterns=r"model\.text(?!x)"),
            WeightRenaming(r"layers.(\d+).fc", r"layers.(\d+).mlp"),
            GroupWeightRename([r"a.(\d+).n0", r"a.(\d+).n1"], [r"a.\1.n1", r"a.\1.n2"]),
            WeightConverter(
                source_patterns=["attn.qkv"],
                target_patterns=["attn.q", "attn.k"],
                operations=[Chunk(dim=0), PermuteForRope(subconfig_key="v", names=["q", "k"])],
            ),
        ],
        "odd": [WeightRenaming(pattern, "x") for pattern in PATTERNS],
    }
    mapping["copied"] = mapping["Tower"].copy() + [WeightRenaming("x", "y")]
    mapping["copied"] += mapping["wrapper"].copy()
    mapping["spoilt"] = mapping["odd"].copy()
    for model_type, base_pattern in _MODEL_TO_CONVERSION_PATTERN.items():
        mapping[model_type] = mapping[base_pattern].copy()
    return mapping
"""
TABLE = read_table(ast.parse(SOURCE))


def test_a_prefix_is_removed_or_added_once() -> None:
    assert TABLE.find("Tower") == (NameRule(r"^vision_model\.", ""),)
    assert TABLE.find("wrapper") == (NameRule(r"^model\.(?!timm_model\.)", "model.timm_model."),)


def test_renames_are_read_as_they_act() -> None:
    rules = TABLE.find("whole") or ()
    assert rules[:3] == (
        NameRule(r"^language_model\.model", "model.language_model"),
        NameRule(r"^llm(?!\.head)", "model.text"),
        NameRule(r"layers\.(\d+)\.fc", r"layers.\1.mlp"),
    )


def test_renames_that_follow_each_other_go_last_first() -> None:
    rules = [rule for rule in TABLE.find("whole") or () if isinstance(rule, NameRule)]
    name = "a.3.n0"
    for rule in rules:
        name = re.sub(rule.source, rule.target, name)
    assert name == "a.3.n1"


def test_operations_keep_their_arguments() -> None:
    assert (TABLE.find("whole") or ())[-1] == TensorRule(
        (r"attn\.qkv",),
        ("attn.q", "attn.k"),
        (
            Operation("Chunk", (("dim", 0),)),
            Operation("PermuteForRope", (("subconfig_key", "v"), ("names", ("q", "k")))),
        ),
    )


def test_entries_are_copies_and_aliases_of_others() -> None:
    tower, wrapper = TABLE.find("Tower") or (), TABLE.find("wrapper") or ()
    assert TABLE.find("copied") == (*tower, NameRule("x", "y"), *wrapper)
    assert TABLE.find("Sister") == tower
    assert TABLE.find("nobody") is None


@pytest.mark.parametrize("key", ["odd", "spoilt", "cousin"])
def test_what_cannot_be_read_is_not_taken_for_nothing(key: str) -> None:
    with pytest.raises(MalformedSource, match=key):
        TABLE.find(key)


def test_a_class_may_carry_its_own_renames() -> None:
    source = 'class Old:\n    _checkpoint_conversion_mapping = {"^visual": "model.visual"}\n'
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.ClassDef)
    assert class_rules(node) == (NameRule("^visual", "model.visual"),)
    assert class_rules(ast.ClassDef("New", [], [], [], [])) == ()


def test_dots_that_are_meant_as_dots_are_escaped() -> None:
    assert literal_dots(r"a.b\.c.*(.+)d") == r"a\.b\.c.*(.+)d"


def test_the_installed_table_is_read_whole() -> None:
    table = library_table()
    assert len(table.entries) > 150
    # Two of a depth estimator are computed; no model that takes text has such an entry.
    assert {key for key in table.unread if not key.startswith("Tipsv2Dpt")} == set()
    for rules in table.entries.values():
        for rule in rules:
            for source in (rule.source,) if isinstance(rule, NameRule) else rule.sources:
                re.compile(source)
