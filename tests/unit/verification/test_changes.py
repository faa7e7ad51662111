"""By how much a run changed, and whether it is the same bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from mmport.verification.bounds import Floors
from mmport.verification.changes import Changes, equal

FLOORS = Floors(logprobs=1e-3, features=1e-4, scale=1.0)


def write(
    folder: Path, *, prompt: float = 0.5, feature: float = 1.0, recorded: float = 1.0
) -> Path:
    folder.mkdir()
    steps = [{"1": -0.5, "2": -1.5}]
    answer: dict[str, Any] = {"prompt": [1, 2], "tokens": [1], "steps": steps}
    document = {"requests": [answer, None], "left_out": {}}
    (folder / "scenario-image.json").write_text(json.dumps(document))
    tensors = {
        "0/prompt": np.array([prompt], np.float32),
        "features/0": np.array([[feature, 1.0]], np.float32),
    }
    save_file(tensors, str(folder / "scenario-image.safetensors"))
    capture = folder / "capture-image"
    capture.mkdir()
    values = np.array([recorded, 1.0], np.float32)
    (capture / "tensors.bin").write_bytes(values.tobytes())
    call = {
        "module": "norm",
        "call": 0,
        "caller": folder.name,
        "inputs": [],
        "outputs": [{"name": "output", "dtype": "float32", "shape": [2], "offset": 0}],
    }
    (capture / "calls.jsonl").write_text(json.dumps(call))
    return folder


def test_two_runs_are_equal_whatever_line_a_call_came_from(tmp_path: Path) -> None:
    assert equal(write(tmp_path / "one"), write(tmp_path / "other"), ["image"])


@pytest.mark.parametrize("changed", ["prompt", "feature", "recorded"])
def test_one_bit_is_a_difference(tmp_path: Path, changed: str) -> None:
    other = write(tmp_path / "other", **{changed: float(np.nextafter(np.float32(1.0), 2.0))})
    assert not equal(write(tmp_path / "one"), other, ["image"])


def test_a_run_that_raised_is_like_no_other(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one"), write(tmp_path / "other")
    (other / "error.json").write_text("{}")
    assert not equal(one, other, ["image"])
    assert Changes(one, FLOORS, "float32").largest(other, ["image"]) is None


@pytest.mark.parametrize(
    ("changed", "change"),
    [({"prompt": 0.501}, 1.0), ({"feature": 1.0004}, 4.0), ({"recorded": 0.9998}, 2.0)],
)
def test_a_change_is_measured_in_floors(
    tmp_path: Path, changed: dict[str, float], change: float
) -> None:
    one, other = write(tmp_path / "one"), write(tmp_path / "other", **changed)
    largest = Changes(one, FLOORS, "float32").largest(other, ["image"])
    assert largest == pytest.approx(change, rel=1e-2)


def test_what_is_exact_is_in_no_floor(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one"), write(tmp_path / "other")
    (other / "processor.json").write_text("{}")
    assert Changes(one, FLOORS, "float32").largest(other, ["image"]) is None
