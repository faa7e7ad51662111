"""Tiny checkpoints, built for real."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmport.engines.supervise import WORKERS
from mmport.engines.warm import WarmPool
from mmport.hub.opening import open_source
from mmport.model.facts import CARD
from mmport.reference_models import named
from mmport.reference_models.facts import family_of
from mmport.verification.jobs import quiet_environment
from mmport.workflows.reference import build_tiny

pytestmark = pytest.mark.engine

SLOW = pytest.mark.full(reason="builds another checkpoint")
FAST = ("clip-llama", "qwen2_vl")
EACH = [pytest.param(name, marks=() if name in FAST else SLOW) for name in named.names()]
LLAVA = [
    pytest.param(name, marks=() if name in FAST else SLOW)
    for name in named.names()
    if named.load(name).layout is not None and named.load(name).config["model_type"] == "llava"
]
HUB_CODE = Path(__file__).parents[1] / "hub_code"

HEADS = {
    "transformers-4": (
        "language_model.lm_head.",
        "vision_tower.vision_model.",
        "language_model.model.",
    ),
    "transformers-4.52": ("lm_head.", "model.vision_tower.vision_model.", "model.language_model."),
    "transformers-5": ("language_model.lm_head.", "vision_tower.e", "language_model.model."),
    "transformers-5-below-model": ("lm_head.", "model.vision_tower.e", "model.language_model."),
}


@pytest.fixture(scope="module")
def pool(engine_python: Path) -> Iterator[WarmPool]:
    """A process that has imported all that a builder needs; each builder is forked from it."""
    with WarmPool(engine_python, environment=quiet_environment()) as warm:
        yield warm


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def tensor_names(folder: Path) -> list[str]:
    return sorted(open_source(str(folder), revision=None).tensor_headers())


@pytest.mark.parametrize("name", EACH)
def test_says_something_and_sees_its_items(name: str, engine_python: Path, pool: WarmPool) -> None:
    card = read(build_tiny(name, python=engine_python, run=pool.run_jobs) / CARD)
    honesty, demands = card["honesty"], family_of(card["model_type"]).demands
    assert len(card["tokens"]) == 16
    assert len(set(card["tokens"])) == honesty["distinct"] >= demands.get("distinct", 6)
    assert honesty["gap"] >= demands.get("gap", 0.004)
    assert honesty["other_item"] >= demands.get("effect", 0.05)
    assert honesty["fault_moves"] >= demands.get("fault", 0.01)
    several = card["facts"]["modalities"][0]["most_items"] > 1
    assert not several or honesty["other_order"] >= demands.get("order", 0.01)
    assert card["name"] == name


@pytest.mark.parametrize("name", LLAVA)
def test_is_complete(name: str, engine_python: Path) -> None:
    folder = build_tiny(name, python=engine_python)
    config = read(folder / "config.json")
    assert config["architectures"] == ["LlavaForConditionalGeneration"]
    assert {config.get("dtype"), config.get("torch_dtype")} <= {"float32", None}
    processor = read(folder / "processor_config.json")
    assert processor["patch_size"] == config["vision_config"]["patch_size"]
    assert (folder / "chat_template.jinja").is_file()
    assert (folder / "generation_config.json").is_file()
    tied = config.get("tie_word_embeddings", False)
    assert any("lm_head" in tensor for tensor in tensor_names(folder)) is not tied


@pytest.mark.parametrize(
    "layout",
    [
        # The one that `clip-llama` has anyway; others are another build each.
        pytest.param(name, marks=() if name == named.load("clip-llama").layout else SLOW)
        for name in family_of("llava").layouts
    ],
)
def test_layouts(layout: str, engine_python: Path) -> None:
    folder = build_tiny("clip-llama", python=engine_python, layout=layout)
    names = tensor_names(folder)
    head, tower, decoder = HEADS[layout]
    parts = (head, tower, decoder, "model.multi_modal", "multi_modal")
    for prefix in (head, tower, decoder):
        assert any(name.startswith(prefix) for name in names), prefix
    assert [
        name for name in names if not name.startswith(parts) and "vision_tower.p" not in name
    ] == []


@SLOW
def test_the_same_again(
    engine_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_tiny("clip-llama", python=engine_python)
    monkeypatch.setenv("MMPORT_CACHE", str(tmp_path / "cache"))
    again = build_tiny("clip-llama", python=engine_python)
    assert again != first
    for path in first.iterdir():
        if path.name == CARD:  # which tells how long it took
            assert {**read(again / CARD), "seconds": 0} == {**read(path), "seconds": 0}
        else:
            assert (again / path.name).read_bytes() == path.read_bytes(), path.name


@SLOW
def test_a_repo_with_its_own_tokenizer_and_processor(engine_python: Path, tmp_path: Path) -> None:
    """What was built is itself a repo; made large again, it is shrunk with its own files."""
    repo = build_tiny("clip-llama", python=engine_python, out=tmp_path / "repo")
    config = read(repo / "config.json")
    config["vision_config"] |= {"image_size": 336, "patch_size": 14, "num_hidden_layers": 24}
    (repo / "config.json").write_text(json.dumps(config))
    processor = json.loads(re.sub(r"\b112\b", "336", (repo / "processor_config.json").read_text()))
    processor["image_processor"]["image_mean"] = [0.1, 0.2, 0.3]
    (repo / "processor_config.json").write_text(json.dumps(processor))
    tiny = build_tiny(open_source(str(repo), revision=None), python=engine_python)
    assert (tiny / "tokenizer.json").read_bytes() == (repo / "tokenizer.json").read_bytes()
    made = read(tiny / "processor_config.json")
    assert made["image_processor"]["image_mean"] == [0.1, 0.2, 0.3]
    assert made["image_processor"]["size"] == {"shortest_edge": 112}
    assert made["patch_size"] == 14
    assert tensor_names(tiny) == tensor_names(repo)


@SLOW
@pytest.mark.parametrize("name", sorted(path.name for path in HUB_CODE.iterdir()))
def test_a_model_by_code_of_its_own(name: str, engine_python: Path) -> None:
    source = HUB_CODE / name
    repo = open_source(str(source), revision=None)
    folder = build_tiny(repo, python=engine_python, trust_remote_code=True)
    card = read(folder / CARD)
    assert [card["facts"]["architecture"]] == read(source / "config.json")["architectures"]
    assert card["facts"]["trust_remote_code"] is True
    assert card["honesty"]["other_item"] >= 0.05
    for path in source.glob("*.py"):
        assert (folder / path.name).read_text() == path.read_text()
    assert read(folder / "processor_config.json").get("image_seq_length", 16) == 16


def test_images_are_the_same_everywhere_and_differ_by_seed(engine_python: Path) -> None:
    script = (
        "import hashlib, runpy\n"
        f"make = runpy.run_path({str(WORKERS / 'images.py')!r})['make_image']\n"
        "for size in ((40, 30, 1), (40, 30, 1), (40, 30, 2), (30, 40, 1)):\n"
        "    image = make(*size)\n"
        "    print(image.size, image.mode, hashlib.sha256(image.tobytes()).hexdigest())\n"
    )
    lines = []
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [str(engine_python), "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        lines.append(done.stdout.splitlines())
    assert lines[0] == lines[1]
    one, same, other, turned = lines[0]
    assert one == same
    assert one.startswith("(40, 30) RGB ")
    assert turned.startswith("(30, 40) RGB ")
    assert len({one, other, turned}) == 3
