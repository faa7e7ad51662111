"""Whether a divergence names the module at fault or the edge beside it."""

from __future__ import annotations

from typing import Any

import pytest

from mmport.model.evidence import Divergence, Place, Stage
from mmport.verification.surroundings import Surroundings

# fc1 and fc2 have weights; act lies between them, all in mlp; then a norm.
ORDER: list[dict[str, Any]] = [
    {"path": "tower.mlp", "begin": 1, "end": 8, "phase": "encoder", "weights": False},
    {"path": "tower.mlp.fc1", "begin": 2, "end": 3, "phase": "encoder", "weights": True},
    {"path": "tower.mlp.act", "begin": 4, "end": 5, "phase": "encoder", "weights": False},
    {"path": "tower.mlp.fc2", "begin": 6, "end": 7, "phase": "encoder", "weights": True},
    {"path": "tower.norm", "begin": 9, "end": 10, "phase": "encoder", "weights": True},
    {"path": "tower.last", "begin": 11, "end": 12, "phase": "encoder", "weights": True},
    {"path": "text.embed", "begin": 13, "end": 14, "phase": "merge", "weights": True},
    {"path": "text.norm", "begin": 15, "end": 16, "phase": "decoder", "weights": True},
]
AROUND = Surroundings(ORDER)


def node(path: str) -> Divergence:
    place = Place(path, "Module")
    return Divergence("node", Stage.ENCODER, "image", place, place, 1.0, 0.1, "")


def edge(before: str, after: str) -> Divergence:
    one, other = Place(before, "Module"), Place(after, "Module")
    return Divergence(
        "edge", Stage.ENCODER, "image", other, other, 1.0, 0.1, "", after_hf=one, after_vllm=one
    )


@pytest.mark.parametrize(
    ("place", "divergence"),
    [
        ("tower.mlp.fc1", node("tower.mlp.fc1")),
        ("tower.mlp.fc1.bias", node("tower.mlp.fc1")),
        ("tower.mlp.fc1.weight (query)", node("tower.mlp.fc1")),
        ("tower.mlp.act", edge("tower.mlp.fc1", "tower.mlp.fc2")),
        ("tower.mlp.fc1", edge("tower.mlp.fc1", "tower.mlp.fc2")),
        ("tower.mlp", edge("tower.mlp.fc2", "tower.norm")),
        ("embed_multimodal", edge("tower.last", "text.norm")),
        ("embed_input_ids", edge("text.embed", "text.norm")),
        ("tower.norm.weight + tower.last.weight", node("tower.last")),
    ],
)
def test_it_is_the_module_or_the_edge_beside_it(place: str, divergence: Divergence) -> None:
    assert AROUND.right(place, divergence) is True


@pytest.mark.parametrize(
    ("place", "divergence"),
    [
        ("tower.mlp.fc1", node("tower.norm")),
        ("tower.norm", node("tower.mlp.fc1")),
        ("tower.mlp.act", node("tower.norm")),
        ("tower.mlp.fc1", edge("tower.last", "text.norm")),
        ("tower.mlp.fc2", edge("tower.mlp.fc1", "text.norm")),
        ("tower.mlp.fc1", None),
        ("text.norm", node("tower.last")),
    ],
)
def test_another_module_is_another_place(place: str, divergence: Divergence | None) -> None:
    assert AROUND.right(place, divergence) is False


def test_what_is_no_module_has_no_place() -> None:
    assert AROUND.right("image_processor.image_mean", None) is None


def test_what_comes_after_the_last_layer_is_the_edge_to_the_logits() -> None:
    assert AROUND.right("compute_logits", edge("text.norm", "compute_logits")) is True
    assert AROUND.right("compute_logits", None) is False
    assert AROUND.right("compute_logits", node("text.embed")) is False
