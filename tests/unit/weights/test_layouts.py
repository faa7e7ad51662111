from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.core.errors import MalformedSource
from mmport.weights.layouts import detect_layout
from tests.unit.checkpoints import Encoder, Layout, Text, llava_shapes

LAYOUTS = get_args(Layout)


def detect(names: object) -> str:
    return detect_layout(names, encoder="vision_tower", inner="vision_model")  # type: ignore[arg-type]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("encoder", get_args(Encoder))
@pytest.mark.parametrize("text", get_args(Text))
def test_every_layout_is_told_by_its_names(layout: Layout, encoder: Encoder, text: Text) -> None:
    assert detect(llava_shapes(encoder, text, layout)) == layout


@given(layout=st.sampled_from(LAYOUTS), data=st.data())
def test_any_one_name_of_the_encoder_tells(layout: Layout, data: st.DataObject) -> None:
    names = [name for name in llava_shapes("clip", "llama", layout) if "vision_tower" in name]
    assert detect([data.draw(st.sampled_from(names))]) == layout


@given(
    first=st.sampled_from(LAYOUTS),
    second=st.sampled_from(LAYOUTS),
)
def test_mixtures_are_refused(first: Layout, second: Layout) -> None:
    names = {**llava_shapes("clip", "llama", first), **llava_shapes("clip", "llama", second)}
    if first == second:
        assert detect(names) == first
        return
    with pytest.raises(MalformedSource, match="mixes the key layouts"):
        detect(names)


@given(st.lists(st.text(alphabet="a.b_0", max_size=12)))
def test_other_names_have_no_layout(names: list[str]) -> None:
    with pytest.raises(MalformedSource, match="has no encoder"):
        detect(names)
