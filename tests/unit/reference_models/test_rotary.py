"""Rotary settings follow the head size."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mmport.reference_models.rotary import fit_rotary


def fitted(config: dict[str, Any], before: int = 128, after: int = 32) -> dict[str, Any]:
    small = copy.deepcopy(config)
    fit_rotary(small, config, before=before, after=after)
    return small


def test_settings_without_sizes_are_kept() -> None:
    config = {"rope_theta": 5e5, "rope_parameters": {"rope_type": "llama3", "factor": 8.0}}
    assert fitted(config) == config


@given(st.floats(0.01, 1.0), st.sampled_from([32, 64]))
def test_a_fraction_gives_an_even_size(fraction: float, head: int) -> None:
    size = fitted({"partial_rotary_factor": fraction}, after=head)["partial_rotary_factor"] * head
    assert size % 2 == 0
    assert 2 <= size <= head
    assert abs(size - fraction * head) <= 2


def test_common_fractions_are_kept() -> None:
    for fraction in (0.25, 0.5, 0.75, 1.0):
        assert fitted({"rope_parameters": {"partial_rotary_factor": fraction}}) == {
            "rope_parameters": {"partial_rotary_factor": fraction}
        }


@given(st.lists(st.floats(1, 100), min_size=16, max_size=128))
def test_factor_lists(factors: list[float]) -> None:
    found = fitted({"rope_scaling": {"long_factor": factors}})["rope_scaling"]["long_factor"]
    assert len(found) == 16
    assert found[0] == factors[0]
    assert all(factor in factors for factor in found)


def test_factor_lists_of_partly_rotated_heads() -> None:
    config = {
        "partial_rotary_factor": 0.75,
        "rope_scaling": {"long_factor": [1.0] * 48, "short_factor": [2.0] * 48},
    }
    small = fitted(config)
    assert len(small["rope_scaling"]["long_factor"]) == 12
    assert small["rope_scaling"]["short_factor"] == [2.0] * 12


def test_sections_sum_to_half() -> None:
    small = fitted({"rope_scaling": {"mrope_section": [16, 24, 24]}})
    assert small["rope_scaling"]["mrope_section"] == [4, 6, 6]


def test_absolute_size() -> None:
    assert fitted({"rotary_dim": 64}, before=256) == {"rotary_dim": 8}
