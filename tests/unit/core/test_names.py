from __future__ import annotations

from mmport.core.names import nearest


def test_the_nearest_name_is_suggested() -> None:
    assert nearest("selct", ["select", "ignore"], "the keys are") == "did you mean 'select'?"


def test_all_are_listed_where_none_is_near() -> None:
    assert nearest("x", ["select", "ignore"], "the keys are") == "the keys are select, ignore"
