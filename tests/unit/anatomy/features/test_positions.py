"""What is read of a class's own positions."""

from __future__ import annotations

import pytest

from mmport.model.spec import PositionValue
from tests.unit.anatomy.features.test_modeling import FEATURES, INIT, forward, read


def test_positions_that_depend_on_media_are_known() -> None:
    positions = """
    def get_rope_index(self, input_ids, image_grid_thw=None, attention_mask=None):
        return self.width
"""
    anatomy = read(INIT, FEATURES, positions, forward("found = self.features(pixel_values)"))
    assert anatomy.position_inputs == ("image_grid_thw", "attention_mask")


@pytest.mark.parametrize("inside", [True, False])
def test_what_positions_are_computed_from_is_followed(inside: bool) -> None:
    positions = """
    def get_rope_index(self, input_ids, grids=None, lengths=None):
        return self.width

    def positions(self, ids, grids, counts):
        return self.get_rope_index(ids, lengths=counts, grids=grids)
"""
    method = "positions" if inside else "get_rope_index"
    body = f"""
        counts = torch.sum(mask, dim=1)
        found = self.features(pixel_values)
        places = self.{method}(input_ids, grids, counts)
    """
    parameters = "pixel_values=None, mask=None, grids=None, counts=None"
    anatomy = read(INIT, FEATURES, positions, forward(body, parameters))
    assert anatomy.position_inputs == ("grids", "lengths")
    assert anatomy.position_values == (
        PositionValue("lengths", "mask", "mask", "torch.sum(mask, dim=1)"),
    )


@pytest.mark.parametrize("name", ["seconds", "video_seconds"])
def test_what_positions_alone_take_is_followed(name: str) -> None:
    """Names that speak of no other modality are about images, which bring nothing of the kind."""
    positions = """
    def get_rope_index(self, input_ids, seconds=None, with_sound: bool = False):
        return self.width
"""
    body = f"""
        found = self.features(pixel_values)
        places = self.get_rope_index(input_ids, {name})
    """
    anatomy = read(
        INIT,
        FEATURES,
        positions,
        forward(body, f"pixel_values=None, {name}=None, with_sound=False"),
    )
    assert anatomy.position_inputs == ("seconds",)
    followed = (PositionValue("seconds", name, name, name),) if name != "seconds" else ()
    assert anatomy.position_values == followed


def test_a_forward_may_count_from_one() -> None:
    body = """
        found = self.features(pixel_values)
        position_ids = torch.arange(found.shape[0]).unsqueeze(0) + 1
    """
    assert read(INIT, FEATURES, forward(body)).first_position == 1
    assert read(INIT, FEATURES, forward("found = self.features(pixel_values)")).first_position == 0
