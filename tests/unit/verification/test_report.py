from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from mmport.model.evidence import Evidence, Measurement, Outcome, Stage, StageResult
from mmport.verification.referee import ENGINE
from mmport.verification.report import (
    divergence_lines,
    evidence_page,
    figures_text,
    noise_text,
    stage_result,
    stage_text,
    verdict,
    worst_measurement,
)
from tests.unit.reports import runs


def page(evidence: Sequence[Evidence]) -> str:
    console = Console(width=200, no_color=True, highlight=False)
    with console.capture() as captured:
        console.print(evidence_page(evidence))
    return captured.get()


def of(stage: Stage, **fields: Any) -> Measurement:
    return Measurement(stage, "image", "values", Outcome.PASSED, **fields)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"figure": 3e-6, "bound": 1e-3, "floor": 2e-6}, "3.0e-06 (1.5 times the floor 2.0e-06, "),
        ({"figure": 3e-6, "bound": 1e-3, "floor": 0.0}, "3.0e-06 (floor 0, bound 1.0e-03)"),
        ({"figure": 3e-6, "bound": 1e-3}, "3.0e-06 (bound 1.0e-03)"),
        ({"figure": 3e-6}, "3.0e-06"),
        ({"figure": 0.0, "bound": 1e-3}, "0 (bound 1.0e-03)"),
        ({"bound": 1e-3}, ""),
    ],
)
def test_a_figure_stands_beside_its_floor_and_its_bound(
    fields: dict[str, float], told: str
) -> None:
    text = figures_text(of(Stage.LOGITS, **fields))
    assert text.startswith(told)
    assert bool(text) == bool(told)


def test_the_worst_is_the_one_nearest_to_its_bound_not_the_largest() -> None:
    near, large = of(Stage.LOGITS, figure=9e-6, bound=1e-5), of(Stage.LOGITS, figure=1.0, bound=9.0)
    assert worst_measurement([large, near, of(Stage.LOGITS)]) is near
    beyond = of(Stage.LOGITS, figure=1e-9, bound=0.0)
    assert worst_measurement([near, beyond]) is beyond
    assert worst_measurement([of(Stage.LOGITS)]) is None


def test_a_stage_is_told_in_a_few_words() -> None:
    passed = stage_result(runs.passing(), Stage.ENCODER)
    assert stage_text(passed) == (
        "ok, 2 checks, worst 3.0e-07 (1.5 times the floor 2.0e-07, bound 1.0e-04)"
    )
    assert stage_text(stage_result(runs.passing(), Stage.WEIGHTS)) == "ok, 1 check, exact"
    assert stage_text(stage_result(runs.failing(), Stage.ENCODER)) == "FAILED 1 of 3"
    assert "1 not comparable" in stage_text(stage_result(runs.failing(), Stage.PROCESSOR))
    left = StageResult(Stage.BUDGET, Outcome.NOT_RUN, (), "why")
    assert stage_text(left) == "not run: why"


def test_a_stage_that_the_evidence_does_not_know_was_not_run() -> None:
    older = replace(runs.passing(), stages=runs.passing().stages[:2])
    assert stage_result(older, Stage.BUDGET).outcome is Outcome.NOT_RUN


def test_a_node_is_told_in_a_few_lines() -> None:
    assert list(divergence_lines(runs.node())) == [
        "first difference: node in encoder, image: the inputs agree, the output does not: "
        "0.31 (bound 1.0e-04)",
        "  HF   model.vision_tower.encoder.layers.1.mlp (CLIPMLP) [1, 5, 32] "
        "at transformers/clip.py:280-294",
        "  vLLM vision_tower.encoder.layers.1.mlp (CLIPMLP) [1, 5, 32] at vllm/clip.py:201-215",
        "  at [0, 3, 17]: 0.441, expected 0.131",
    ]


def test_an_edge_is_told_with_the_modules_before_it() -> None:
    lines = list(divergence_lines(runs.edge()))
    assert "the outputs before agree, the input does not" in lines[0]
    assert lines[1].endswith("after model.vision_tower.pre_layrnorm (LayerNorm) at torch/n.py:1")


def test_every_implementation_has_its_column_and_its_verdict() -> None:
    text = page([runs.passing(), runs.failing(), replace(runs.failing(), divergence=None)])
    for stage in Stage:
        assert f" {stage.value} " in text
    assert "port: equal to HuggingFace in every stage" in text
    assert "in-tree: first difference: node in encoder, image" in text
    assert "  failed: encoder / image / tower" in text
    assert "in-tree: first difference at encoder / image / tower" in text


def test_a_verdict_names_the_stage_and_the_module_where_it_is_known() -> None:
    assert verdict(runs.failing()) == (
        "parts from HuggingFace in encoder, at vision_tower.encoder.layers.1.mlp"
    )
    assert verdict(replace(runs.failing(), divergence=None)) == "parts from HuggingFace in encoder"
    raised = Measurement(Stage.WEIGHTS, "loading", ENGINE, Outcome.FAILED, detail="no")
    stopped = StageResult(Stage.WEIGHTS, Outcome.FAILED, (raised,))
    early = replace(runs.failing(), divergence=None, stages=(stopped,))
    assert verdict(early) == "stops the engine in weights"
    assert verdict(replace(runs.passing(), outcome=Outcome.NOT_RUN)) == "not every stage was run"
    some = replace(runs.passing(), stages=runs.passing().stages[:2])
    assert verdict(some) == "equal to HuggingFace in weights, processor"


def test_the_noise_floor_is_printed_with_what_was_not_used() -> None:
    assert noise_text(runs.passing().noise) == (
        "HF in float64 2.0e-06 in logprobs, 2.0e-07 in features; "
        "HF in sdpa 0.3 in logprobs (not used: it leaves something out)"
    )
    assert "noise floor: HF in float64" in page([runs.passing()])
    assert "noise floor" not in page([replace(runs.passing(), noise=())])
