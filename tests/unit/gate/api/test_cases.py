from __future__ import annotations

from pathlib import Path

import pytest

from mmport.gate.api.check import check_source
from mmport.gate.api.rules import API_RULES
from tests.unit.gate.api.cases import Case, cases

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_rule_finds(case: Case) -> None:
    found = check_source(Path("my_model.py"), case.text, (case.release,))
    by_rule = {item.line: item.message for item in found if item.rule == case.rule}
    assert by_rule == case.expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_finding_says_what_to_do_and_for_which_release(case: Case) -> None:
    for item in check_source(Path("my_model.py"), case.text, (case.release,)):
        assert item.fix
        assert item.target == case.release
        assert item.column > 0


def test_every_rule_has_a_case_to_find_and_one_to_let_be() -> None:
    wrong = {case.rule for case in CASES if case.expected}
    fine = {case.rule for case in CASES if not case.expected}
    assert wrong == fine == {rule.name for rule in API_RULES}


def test_a_file_that_has_nothing_to_do_with_vllm() -> None:
    assert list(check_source(Path("a.py"), "import torch\n", ("0.32.0",))) == []


def test_columns_count_characters_and_lines_are_python_s() -> None:
    text = 'a = "\x0c"; b = "\u00e9\u00e9"; from vllm.attention import Attention\n'
    (found,) = check_source(Path("a.py"), text, ("0.32.0",))
    assert (found.line, found.column) == (1, text.index("from") + 1)


def test_what_a_hook_asks_of_a_hook_that_is_gone_says_what_took_its_place() -> None:
    case = next(one for one in CASES if one.name == "attribute-gone-inherited")
    (found,) = check_source(Path("a.py"), case.text, (case.release,))
    assert found.fix == "override _apply_hf_processor_main"
