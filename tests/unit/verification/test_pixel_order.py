"""Values in another order are wrong, unless they are laid out in another form altogether."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from mmport.model.evidence import Outcome
from mmport.verification.bounds import Floors, make_bounds
from mmport.verification.processing import judge_processor
from mmport.verification.stage_files import StageFiles
from tests.unit.verification.models import UNKNOWN

PATCHES = np.arange(24, dtype=np.float32).reshape(4, 6)
CASE = {"ids": [1, 3, 3, 2], "positions": [1, 2], "spans": [[1, 2]], "embeddings": {"image": [2]}}


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (PATCHES, Outcome.PASSED),
        (PATCHES[None], Outcome.PASSED),
        (PATCHES[:, ::-1], Outcome.FAILED),
        (PATCHES[None, :, ::-1], Outcome.FAILED),
        (PATCHES.T, Outcome.NOT_RUN),
    ],
)
def test_an_order_of_its_own_needs_a_form_of_its_own(
    tmp_path: Path, found: np.ndarray[tuple[int, ...], np.dtype[np.float32]], outcome: Outcome
) -> None:
    for name, values in (("hf", PATCHES), ("vllm", found)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "processor.json").write_text(json.dumps({"one": CASE}))
        tensors = {"one/pixel_values": np.ascontiguousarray(values)}
        save_file(tensors, str(folder / "processor.safetensors"))
    judged = judge_processor(
        StageFiles(tmp_path / "hf"),
        StageFiles(tmp_path / "vllm"),
        UNKNOWN,
        make_bounds("float32", Floors()),
    )
    (pixels,) = (one for one in judged if one.subject == "pixel values")
    assert pixels.outcome is outcome, pixels.detail
