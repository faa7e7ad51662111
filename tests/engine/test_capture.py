"""The recorder, the rows of weights and the targets, in the engine's Python: torch and no model."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmport.workers
from mmport.verification.captures import Capture

pytestmark = pytest.mark.engine

FOLDER = Path(mmport.workers.__file__).parent
SCRIPT = """
import importlib, json, pathlib, runpy, sys, types
import torch
from torch import nn
main = runpy.run_path({main!r}, run_name="not main")
main["_load_package"](pathlib.Path({folder!r}))
capture, rows, targets = (
    importlib.import_module("mmport_workers." + name)
    for name in ("capture", "weight_rows", "targets")
)

class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))
        self.variance_epsilon = 1e-5

    def forward(self, hidden, residual=None):
        if residual is None:
            return hidden
        hidden.add_(residual)  # in place, as kernels do it
        return hidden * self.weight, hidden

class Toy(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 2, 2)
        self.norm = Norm()
        self.head = nn.Linear(4, 2).to(torch.bfloat16)
        self.act = nn.ReLU()

    def forward(self, inputs_embeds, positions):
        hidden = self.conv(inputs_embeds).flatten(2).transpose(1, 2)
        normed, _ = self.norm(hidden, torch.full_like(hidden, 2.0))
        return self.head(self.act(normed).to(torch.bfloat16))

torch.manual_seed(0)
model = Toy()
out = pathlib.Path({out!r})
recorder = capture.Recorder(model)
pixels, positions = torch.rand(1, 3, 4, 4), torch.arange(4)
model(pixels, positions)
with recorder.recording(out / "capture-toy"):
    expected = model(inputs_embeds=pixels, positions=positions)
    model(pixels, positions)  # a second pass is none of the prompt
model(pixels, positions)

state = dict(a=torch.arange(12.0).reshape(6, 2), renamed=torch.arange(3.0), odd=torch.zeros(5))
tensors = [("q", state["a"][3:]), ("k", state["a"][:3]), ("bias", torch.arange(3.0))]
traced = rows.landed_rows(
    (4, 2), torch.tensor([0, 0, -2, -2, 1, 1, 1, 1]), torch.tensor([2, 3, 0, 0, 0, 1, 2, 3]),
    ["x", "y"], dict(x=(2, 2), y=(2, 2)),
)

class Adapted(nn.Module):
    supports_lora = supports_tower_connector_lora = True
    packed_modules_mapping = dict(qkv=["q", "k"])

    def __init__(self):
        super().__init__()
        self.tower = nn.ModuleList([nn.ModuleDict(dict(qkv=nn.Linear(2, 2)))])

    def get_mm_mapping(self):
        return types.SimpleNamespace(
            language_model=["language_model"], connector=[], tower_model=["tower."]
        )

class Partly(Adapted):
    supports_tower_connector_lora = False

linear = dict(kind="Linear")
linears = {{name: linear for name in ("tower.0.q", "tower.0.k", "projector.up", "lm_head")}}
print(json.dumps(dict(
    expected=expected.float().tolist(),
    described=capture.describe_modules(model),
    loaded=rows.loaded_rows(state, tensors),
    traced=traced,
    targets=targets.find_targets(
        Adapted(), dict(ignore=["tower", "re:.*qkv", "vision"]),
        dict(modules=linears, decoder="language_model"),
    ),
    in_part=targets.find_targets(Partly(), None, dict(modules=linears, decoder="tower")),
)))
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toy")


@pytest.fixture(scope="module")
def found(engine_python: Path, out: Path) -> dict[str, Any]:
    script = SCRIPT.format(main=str(FOLDER / "__main__.py"), folder=str(FOLDER), out=str(out))
    (out / "toy.py").write_text(script, encoding="utf-8")
    done = subprocess.run(
        [str(engine_python), str(out / "toy.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return read


def test_a_record_holds_each_call_of_one_pass(found: dict[str, Any], out: Path) -> None:
    capture = Capture(out / "capture-toy")

    assert [call.module for call in capture.calls] == ["", "conv", "norm", "head"]
    (head,) = capture.by_module["head"]
    rows = capture.rows([head], "output")
    assert rows is not None
    np.testing.assert_allclose(rows, found["expected"][0])
    assert head.caller.rpartition(":")[0].endswith("toy.py")


def test_a_residual_is_added_and_what_a_kernel_overwrites_is_kept(
    found: dict[str, Any], out: Path
) -> None:
    capture = Capture(out / "capture-toy")
    conv = capture.rows(capture.by_module["conv"], "output")
    norm = capture.rows(capture.by_module["norm"], "input")

    assert conv is not None
    assert norm is not None
    np.testing.assert_allclose(norm, conv + 2.0)


def test_channels_of_a_convolution_stand_last(found: dict[str, Any], out: Path) -> None:
    capture = Capture(out / "capture-toy")

    assert capture.by_module["conv"][0].inputs["input"].shape == (1, 4, 4, 3)
    assert capture.by_module["conv"][0].outputs["output"].shape == (1, 2, 2, 4)


def test_embeddings_and_positions_are_kept_by_name(found: dict[str, Any], out: Path) -> None:
    capture = Capture(out / "capture-toy")

    (root,) = capture.by_module[""]
    assert set(root.inputs) == {"inputs_embeds", "positions"}
    assert capture.array(root.inputs["positions"]).tolist() == [0, 1, 2, 3]


def test_modules_are_described(found: dict[str, Any], out: Path) -> None:
    assert found["described"]["norm"]["eps"] == 1e-5
    assert found["described"]["norm"]["kind"] == "Norm"
    assert found["described"]["norm"]["source"].partition(":")[0].endswith("toy.py")


def test_rows_are_found_by_content_in_any_order(found: dict[str, Any]) -> None:
    assert found["loaded"] == {
        "a": [[0, "k", 0, 3], [3, "q", 0, 3]],
        "renamed": [[0, "bias", 0, 3]],
    }


def test_rows_of_a_trace_leave_out_what_no_tensor_filled(found: dict[str, Any]) -> None:
    assert found["traced"] == [[0, "x", 1, 1], [2, "y", 0, 2]]


def test_names_that_lead_nowhere_are_counted(found: dict[str, Any]) -> None:
    targets = found["targets"]

    assert targets["ignored"] == {"tower": 3, "re:.*qkv": 1, "vision": 0}
    assert targets["prefixes"] == {"language_model": 0, "tower.": 3}
    assert {part: entry["found"] for part, entry in targets["adapted"].items()} == {
        "tower.*.q": 1,
        "tower.*.k": 1,
        "projector.up": 0,
    }
    assert set(found["in_part"]["adapted"]) == {"tower.*.q", "tower.*.k"}
