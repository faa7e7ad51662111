"""Where an old engine's own transformers is the one that differs from today's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from mmport.model.evidence import Outcome, Stage
from mmport.verification.bounds import make_bounds
from mmport.verification.judging import Judge
from mmport.verification.older_processor import OlderProcessor
from mmport.verification.stage_files import StageFiles

BOUNDS = make_bounds("float32")
TODAY = np.zeros((2, 2), np.float32)
OLD = np.ones((2, 2), np.float32)
CASE = "9x7"


def older(folder: Path, values: np.ndarray | None) -> OlderProcessor:
    if values is not None:
        (folder / "processor-own.json").write_text(json.dumps({"transformers": "4.45.2"}))
        save_file({f"{CASE}/pixel_values": values}, folder / "processor-own.safetensors")
    return OlderProcessor(StageFiles(folder))


@pytest.mark.parametrize(
    ("own", "outcome"),
    [(OLD, Outcome.NOT_RUN), (TODAY, Outcome.FAILED), (None, Outcome.FAILED)],
)
def test_a_port_is_excused_by_what_its_own_processor_does(
    tmp_path: Path,
    own: np.ndarray | None,
    outcome: Outcome,
) -> None:
    judge = Judge(Stage.PROCESSOR, CASE)
    failed = judge.arrays("pixel values", TODAY, OLD, BOUNDS.pixels, relative=True)
    assert failed.outcome is Outcome.FAILED
    processor = older(tmp_path, own)
    assert processor.excused(failed, {"pixel_values": OLD}, BOUNDS).outcome is outcome
    told = list(processor.told())
    assert len(told) == (outcome is Outcome.NOT_RUN)
    assert all("1 cases (9x7): transformers 4.45.2" in one.detail for one in told)


def test_other_faults_stay(tmp_path: Path) -> None:
    failed = Judge(Stage.PROCESSOR, CASE).sequences("token ids", [1], [2])
    assert older(tmp_path, OLD).excused(failed, {"pixel_values": OLD}, BOUNDS) is failed
