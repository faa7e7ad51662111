"""The tables that speak of the same families agree."""

from __future__ import annotations

from mmport.inspection.encoders import encoder_families
from mmport.inspection.families import families_for
from mmport.planning.encoders import reusable_encoders
from mmport.reference_models import named
from mmport.reference_models.facts import model_types
from mmport.reference_models.named import names
from mmport.vllm_api.catalog import load


def test_what_can_be_inspected_can_be_made_small() -> None:
    families = families_for(load("0.8.4"))
    # The code of a repo is nobody else's to make small.
    ours = {family.model_type for family in families.values() if not family.own_code}
    assert ours <= set(model_types())


def test_what_encoder_can_be_inspected_can_be_planned() -> None:
    assert set(reusable_encoders()) == set(encoder_families())


def test_every_encoder_is_in_a_reference_model() -> None:
    used = {named.load(name).config.get("vision_config", {}).get("model_type") for name in names()}
    assert used >= {name for family in encoder_families().values() for name in family.model_types}
