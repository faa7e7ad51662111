from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmport.workers import noise
from mmport.workers.neighbours import Alone


class Reference:
    """Makes inputs of a request that name it."""

    def inputs(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"of": request["text"]}

    def alone(self, request: dict[str, Any]) -> Alone:
        return Alone([{"of": "an item of b"}] if request["text"] == "b" else [])


def scenario(name: str, *requests: dict[str, Any], record: bool = False) -> dict[str, Any]:
    return {"name": name, "requests": list(requests), "record": record}


def write(out: Path, name: str, *answers: Any) -> None:
    (out / f"scenario-{name}.json").write_text(json.dumps({"requests": answers}))


def test_each_prompt_is_answered_once_and_recorded_where_hf_was(tmp_path: Path) -> None:
    scenarios = [
        scenario("batch", {"text": "a"}, {"text": "b", "forced": [1]}, {"text": "c"}),
        scenario("image", {"text": "a"}, record=True),
        scenario("long", {"text": "b", "forced": None}),
    ]
    write(tmp_path, "batch", {}, {}, None)  # HF refused the third
    write(tmp_path, "image", {})
    write(tmp_path, "long", {})
    reference: Any = Reference()
    same, prompts = noise._answered(reference, {"scenarios": scenarios}, tmp_path)
    assert same == {
        "image/0": "image/0",
        "batch/0": "image/0",
        "batch/1": "batch/1",
        "long/0": "batch/1",
    }
    assert prompts["image/0"] == noise._Prompt({"of": "a"}, "image", [])
    assert prompts["batch/1"] == noise._Prompt({"of": "b"}, "", [{"of": "an item of b"}])


class Variant:
    """Answers, but for what it is asked about `b`."""

    def __init__(self) -> None:
        self.folders: list[Path | None] = []

    def answer(self, prompt: noise._Prompt, folder: Path | None) -> dict[str, Any]:
        self.folders.append(folder)
        if prompt.inputs["of"] == "b":
            raise RuntimeError("no kernel")
        return {"last": prompt.inputs["of"]}


def test_what_a_variant_cannot_answer_is_noted(tmp_path: Path) -> None:
    prompts = {
        "image/0": noise._Prompt({"of": "a"}, "image", []),
        "batch/1": noise._Prompt({"of": "b"}, "", []),
    }
    variant: Any = Variant()
    answers, left_out = noise._answers("sdpa", lambda: variant, prompts, tmp_path)
    assert answers == {"image/0": {"last": "a"}}
    assert left_out == {"batch/1": "RuntimeError: no kernel"}
    assert variant.folders == [tmp_path / "capture-image@sdpa", None]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (noise._NotRun("too large"), "too large"),
        (MemoryError("no room"), "MemoryError: no room"),
        (ValueError("no such attention"), "ValueError: no such attention"),
    ],
)
def test_a_variant_that_cannot_be_made_is_noted(
    tmp_path: Path, error: Exception, told: str
) -> None:
    def make() -> Any:
        raise error

    assert noise._answers("sdpa", make, {}, tmp_path) == ({}, {"": told})
