from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mmport.core.jsonable import to_json
from mmport.model.evidence import (
    EVIDENCE_SCHEMA,
    Environment,
    Evidence,
    Measurement,
    ModuleFigure,
    Outcome,
    Stage,
    StageResult,
)

FILE = Path(__file__).parents[3] / "benchmarks" / "calibration.py"


@pytest.fixture(scope="module")
def calibration() -> ModuleType:
    spec = importlib.util.spec_from_file_location("calibration", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibration"] = module
    spec.loader.exec_module(module)
    return module


def evidence(figure: float, bound: float, floor: float = 1.0) -> Evidence:
    outcome = Outcome.PASSED if figure <= bound else Outcome.FAILED
    measured = Measurement(
        Stage.LOGITS, "image", "prompt 0", outcome, figure=figure, bound=bound, floor=floor
    )
    event = ModuleFigure(Stage.DECODER, "image", "a", "b", "output", 2.0, 1.0, 6.0, agrees=True)
    return Evidence(
        schema=EVIDENCE_SCHEMA,
        implementation="port",
        model="m",
        revision=None,
        tiny=True,
        files=(),
        environment=Environment("1", "3", "0", "2", "5", "cpu", "float32"),
        stages=(StageResult(Stage.LOGITS, outcome, (measured,)),),
        outcome=outcome,
        first_failure="",
        modules=(event,),
    )


def test_a_models_runs_are_all_in_one_half(calibration: ModuleType) -> None:
    runs = [
        calibration.Run(name, "port", dtype, seed)
        for name in ("llava", "qwen2_vl", "internvl", "aria", "idefics3", "mistral3")
        for dtype in ("float32", "bfloat16")
        for seed in (0, 1)
    ]
    halves: dict[str, set[bool]] = {}
    for run in runs:
        halves.setdefault(run.name, set()).add(run.calibrates)
    assert all(len(half) == 1 for half in halves.values())
    assert {half.copy().pop() for half in halves.values()} == {True, False}


@pytest.mark.parametrize(
    ("figure", "bound", "floor", "needed"),
    [
        (2.0, 4.0, 1.0, 2.0),  # within the floor's multiple: it needs twice the floor
        (9.0, 4.0, 1.0, 9.0),  # an alarm
        (2.0, 5.0, 1.0, 0.0),  # the bound is that of eps, which is enough
        (9.0, 5.0, 1.0, 9.0),  # it is not
        (0.0, 4.0, 1.0, 0.0),
        (1.0, 0.5, 0.0, float("inf")),
    ],
)
def test_a_figure_tells_which_multiple_it_needs(
    calibration: ModuleType, figure: float, bound: float, floor: float, needed: float
) -> None:
    assert calibration.Figure("largest", "", figure, floor, bound).needed == needed


def test_the_page_tells_what_the_halves_need(calibration: ModuleType, tmp_path: Path) -> None:
    names = ("llava", "qwen2_vl", "internvl", "aria", "idefics3", "mistral3")
    for name in names:
        one = calibration.Run(name, "port", "float32", 0)
        figure = 2.0 if one.calibrates else 9.0
        (tmp_path / f"{one.label}.json").write_text(to_json(evidence(figure, 4.0)))
    results = calibration.read_results(tmp_path)
    multiple, told = calibration.calibrated(results, "largest")
    assert multiple == pytest.approx(2.0 * calibration.MARGIN)
    assert "prompt 0" in told
    page = calibration.to_markdown(results)
    second = [name for name in names if not calibration.Run(name, "port", "float32", 0).calibrates]
    assert f"{len(second)} of {len(second)} runs" in page
    assert "9.0e+00, bound 4e+00" in page


def test_evidence_of_other_multiples_is_not_judged(calibration: ModuleType, tmp_path: Path) -> None:
    one = calibration.Run("llava", "port", "float32", 0)
    (tmp_path / f"{one.label}.json").write_text(to_json(evidence(2.0, 8.0)))
    with pytest.raises(SystemExit, match="8 times the floor"):
        calibration.check_multiples(calibration.read_results(tmp_path))


def test_the_board_names_right_implementations(calibration: ModuleType) -> None:
    found = calibration.right_ones(["clip-mistral"])
    assert ("clip-mistral", "port") in found
    assert calibration.right_ones(["no such model"]) == []
