from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mmport.core.errors import MalformedSource, ModelNotFound
from mmport.core.jsonable import to_builtins
from mmport.hub import open_source
from mmport.inspection.inspector import inspect_model
from mmport.model.facts import CARD
from mmport.verification.facts import facts_from_card, facts_from_spec, has_card
from mmport.vllm_api.catalog import resolve_target
from tests.golden.cases import load_spec
from tests.unit.checkpoints import write_llava
from tests.unit.verification.models import IMAGES, UNKNOWN, VIDEOS, facts


def test_a_spec_knows_the_parts(tmp_path: Path) -> None:
    model = write_llava(tmp_path / "model")
    spec = inspect_model(open_source(str(model), revision=None), resolve_target(None))
    found = facts_from_spec(spec)
    assert found.knows_parts
    assert found.architecture == "LlavaForConditionalGeneration"
    (images,) = found.modalities
    assert (images.prompt, images.token_id) == ("<image>", spec.placeholders[0].token_id)
    assert (images.width, images.height) == (spec.encoders[0].image_size,) * 2
    assert found.tokens_per_item == spec.placeholders[0].tokens_per_item


def test_all_kinds_are_asked_about_that_a_processor_takes() -> None:
    spec = load_spec("qwen2_vl")
    image, video = facts_from_spec(spec).modalities
    assert (image.kind, image.frames, video.kind, video.frames) == ("image", 0, "video", 8)
    items = (spec.items[0], replace(spec.items[1], written="tokens"))
    assert facts_from_spec(replace(spec, items=items)).modalities == (image,)


def test_a_card_gives_its_facts_back(tmp_path: Path) -> None:
    written = facts(IMAGES, VIDEOS, processor_kwargs={"do_rescale": False})
    assert not has_card(tmp_path)
    (tmp_path / CARD).write_text(json.dumps({"facts": to_builtins(written), "other": 1}))
    assert has_card(tmp_path)
    assert facts_from_card(tmp_path) == written
    assert not written.knows_parts


def test_a_card_may_leave_out_what_has_a_default(tmp_path: Path) -> None:
    card = to_builtins(UNKNOWN)
    for name in ("dtype", "processor_kwargs", "connector", "encoder", "cache_elements"):
        del card[name]
    (tmp_path / CARD).write_text(json.dumps({"facts": card}))
    assert facts_from_card(tmp_path) == UNKNOWN


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"facts": {"architecture": 1}}'])
def test_a_damaged_card_is_one_clear_line(tmp_path: Path, text: str) -> None:
    (tmp_path / CARD).write_text(text)
    with pytest.raises(MalformedSource, match=CARD):
        facts_from_card(tmp_path)


def test_a_card_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        facts_from_card(tmp_path)
