"""HF lets one item change another's features: the reference takes each by itself.

In the engine's Python, with a model of a few lines whose encoder does not mask its padding.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import mmport.workers

pytestmark = pytest.mark.engine

FOLDER = Path(mmport.workers.__file__).parent
SCRIPT = """
import importlib, json, pathlib, runpy, types
import torch
from torch import nn
main = runpy.run_path({main!r}, run_name="not main")
main["_load_package"](pathlib.Path({folder!r}))
tap_module = importlib.import_module("mmport_workers.tap")
neighbours = importlib.import_module("mmport_workers.neighbours")

class Model(nn.Module):
    def __init__(self, leaks, form):
        super().__init__()
        self.leaks, self.form, self.merged = leaks, form, None

    def get_audio_features(self, clips):
        longest = max(map(len, clips))
        rows = [clip + (longest if self.leaks else 0) for clip in clips]
        if self.form == "list":
            return types.SimpleNamespace(pooler_output=rows)
        if self.form == "flat":
            return torch.cat(rows)
        pads = [(0, 0, 0, longest - len(one)) for one in rows]
        padded = torch.stack([*map(nn.functional.pad, rows, pads)])
        return types.SimpleNamespace(last_hidden_state=padded, more=1)

    def forward(self, clips):
        found = self.get_audio_features(clips)
        found = getattr(found, "last_hidden_state", getattr(found, "pooler_output", found))
        if self.form == "padded":
            found = [one[: len(clip)] for one, clip in zip(found, clips)]
        self.merged = torch.cat([found] if self.form == "flat" else list(found))
        return self.merged

clips = [torch.ones(count, 4) * count for count in (3, 1, 2)]
found = {{}}
for form in ("list", "flat", "padded"):
    for leaks in (True, False):
        model = Model(leaks, form)
        tap = tap_module.FeatureTap(model, tap_module.HF_METHODS)
        run = lambda inputs: model(**inputs)
        joint = {{"clips": clips}}
        alone = neighbours.values_alone(tap, run, [{{"clips": [clip]}} for clip in clips])
        change = neighbours.change_by_neighbours(tap, run, joint, alone)
        taken = len(tap.take())
        with neighbours.each_alone(tap, alone):
            model(**joint)
        apart = model.merged[:, 0].tolist()
        model(**joint)
        found[f"{{form}} {{leaks}}"] = [change > 1, taken, apart, model.merged[:, 0].tolist()]
other = Model(True, "flat")
tap = tap_module.FeatureTap(other, tap_module.HF_METHODS)
unlike = [torch.zeros(9, 4)]
found["unlike"] = torch.equal(neighbours.rejoined(clips[0], unlike), clips[0])
print(json.dumps(found))
"""


def test_features_of_each_item_by_itself_stand_in_for_those_beside_others(
    engine_python: Path,
) -> None:
    script = SCRIPT.format(main=str(FOLDER / "__main__.py"), folder=str(FOLDER))
    done = subprocess.run(
        [str(engine_python), "-c", script], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert found.pop("unlike")
    by_itself = [6.0] * 3 + [2.0] + [4.0] * 2
    beside = [6.0] * 3 + [4.0] + [5.0] * 2
    plain = [3.0] * 3 + [1.0] + [2.0] * 2
    assert found == {
        f"{form} {leaks}": [leaks, 0, by_itself if leaks else plain, beside if leaks else plain]
        for form in ("list", "flat", "padded")
        for leaks in (True, False)
    }
