"""The tables that speak of the same families agree."""

from __future__ import annotations

from mmport.inspection.encoders import encoder_families
from mmport.inspection.families import FAMILIES
from mmport.planning.encoders import reusable_encoders
from mmport.reference_models.facts import families


def test_what_can_be_inspected_can_be_made_small() -> None:
    inspected = sorted(family.model_type for family in FAMILIES.values())
    assert inspected == sorted(name for family in families() for name in family.model_types)


def test_what_encoder_can_be_inspected_can_be_planned() -> None:
    assert set(reusable_encoders()) == set(encoder_families())


def test_every_encoder_is_in_a_reference_model() -> None:
    from mmport.reference_models import named

    used = {named.load(name).config["vision_config"]["model_type"] for name in named.names()}
    assert used == {name for family in encoder_families().values() for name in family.model_types}
