"""The tap on feature methods, in the engine's Python: it needs torch and no model."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import mmport.workers

pytestmark = pytest.mark.engine

FOLDER = Path(mmport.workers.__file__).parent
SCRIPT = """
import importlib, inspect, json, pathlib, runpy, types
import torch
from torch import nn
main = runpy.run_path({main!r}, run_name="not main")
main["_load_package"](pathlib.Path({folder!r}))
tap_module = importlib.import_module("mmport_workers.tap")

class Inner(nn.Module):
    def get_image_features(self, pixels, scale=1.0):
        return types.SimpleNamespace(pooler_output=[pixels[:2] * scale, pixels[2:]])

    def get_video_features(self, pixels):
        return self.get_image_features(pixels, 2.0).pooler_output[0]

class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = Inner()

    def get_image_features(self, pixels):
        return self.model.get_image_features(pixels)

model = Outer()
tap = tap_module.FeatureTap(model, tap_module.HF_METHODS)
pixels = torch.arange(12.0).reshape(3, 4)
found = {{"signature": str(inspect.signature(model.model.get_image_features))}}
model.get_image_features(pixels)
found["outermost"] = [rows.shape for rows in tap.take()]
model.model.get_video_features(pixels)
found["video"] = [rows.tolist() for rows in tap.take()]
with tap.paused():
    model.get_image_features(pixels)
found["paused"] = len(tap.take())
rows = tap_module.feature_rows
pair = (torch.zeros(1, 5, 8), [torch.zeros(2, 3)])
found["main part"] = [part.shape for part in rows(pair)]
found["an item each"] = [part.shape for part in rows((torch.zeros(2, 8), torch.zeros(3, 8)))]
found["nothing"] = [len(rows(value)) for value in (None, (), torch.zeros(3, dtype=torch.int64))]
print(json.dumps(found))
"""


def test_only_the_outermost_call_counts_and_features_are_found(engine_python: Path) -> None:
    script = SCRIPT.format(main=str(FOLDER / "__main__.py"), folder=str(FOLDER))
    done = subprocess.run(
        [str(engine_python), "-c", script], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == {
        "signature": "(pixels, scale=1.0)",
        "outermost": [[2, 4], [1, 4]],
        "video": [[[0.0, 2.0, 4.0, 6.0], [8.0, 10.0, 12.0, 14.0]]],
        "paused": 0,
        "main part": [[5, 8]],
        "an item each": [[2, 8], [3, 8]],
        "nothing": [0, 0, 0],
    }
