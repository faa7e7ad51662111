"""Runs that were never made, whose reports look like those of runs that were."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from mmport.model.evidence import (
    EVIDENCE_SCHEMA,
    Divergence,
    Environment,
    Evidence,
    FileHash,
    Measurement,
    ModuleFigure,
    NoiseVariant,
    Outcome,
    Place,
    Stage,
    StageResult,
)
from mmport.reports.record import RECORD_SCHEMA, AskedItem, Question, Record, Seeds
from mmport.verification.cases import Item, Questions, Request, Scenario

HOSTILE = '<script>alert("1")</script> `x` | **b** {{ 7 * 7 }} @someone \x1b[31m\x00'
"""What a model may call itself."""

ENVIRONMENT = Environment(
    mmport="0.1.0",
    python="3.11.7",
    vllm="0.32.0",
    torch="2.13.0",
    transformers="5.19.0",
    device="cpu",
    dtype="float32",
    hf_python="3.11.7",
    hf_torch="2.13.0",
    hf_attention="eager",
)
ASKED = Questions(
    processor_cases=(),
    scenarios=(
        Scenario("text", (Request("The cat sat on the mat"),)),
        Scenario("image", (Request("<image> What?", (Item("image", 1, 48, 24),)),)),
    ),
)


def passing() -> Evidence:
    stages = tuple(StageResult(stage, Outcome.PASSED, tuple(_right(stage))) for stage in Stage)
    return Evidence(
        schema=EVIDENCE_SCHEMA,
        implementation="port",
        model="llava-tiny",
        revision=None,
        tiny=True,
        files=(FileHash("llava_port/model.py", "ab" * 32),),
        environment=ENVIRONMENT,
        stages=stages,
        outcome=Outcome.PASSED,
        first_failure="",
        architecture="LlavaForConditionalGeneration",
        modules=tuple(_modules(wrong_from=None)),
        noise=(
            NoiseVariant("float64", used=True, logprobs=2e-6, features=2e-7),
            NoiseVariant("sdpa", used=False, logprobs=0.3, detail="it leaves something out"),
        ),
    )


def failing(kind: str = "node") -> Evidence:
    wrong = Measurement(
        Stage.ENCODER,
        "image",
        "tower",
        Outcome.FAILED,
        figure=0.31,
        bound=1e-4,
        floor=2e-7,
        detail="at [0, 17, 3]: 0.441, expected 0.131",
    )
    unknown = Measurement(
        Stage.PROCESSOR, "48x24", "image grid", Outcome.NOT_RUN, detail="vLLM has none"
    )
    stages = []
    for stage in Stage:
        measurements = (*_right(stage),)
        if stage is Stage.ENCODER:
            measurements += (wrong,)
        if stage is Stage.PROCESSOR:
            measurements += (unknown,)
        outcome = Outcome.FAILED if stage is Stage.ENCODER else Outcome.PASSED
        stages.append(StageResult(stage, outcome, measurements))
    stages[-1] = StageResult(Stage.BUDGET, Outcome.NOT_RUN, (), "the engine stopped before it")
    return replace(
        passing(),
        implementation="in-tree",
        files=(),
        stages=tuple(stages),
        outcome=Outcome.FAILED,
        first_failure="encoder / image / tower: 3.1e-01 (bound 1e-04)",
        divergence=node() if kind == "node" else edge(),
        modules=tuple(_modules(wrong_from=9)),
    )


def node() -> Divergence:
    base = "vision_tower.encoder.layers.1.mlp"
    return Divergence(
        kind="node",
        stage=Stage.ENCODER,
        scenario="image",
        hf=Place(f"model.{base}", "CLIPMLP", (1, 5, 32), "transformers/clip.py:280-294"),
        vllm=Place(base, "CLIPMLP", (1, 5, 32), "vllm/clip.py:201-215"),
        figure=0.31,
        bound=1e-4,
        detail="at [0, 3, 17]: 0.441, expected 0.131",
    )


def edge() -> Divergence:
    return replace(
        node(),
        kind="edge",
        after_hf=Place("model.vision_tower.pre_layrnorm", "LayerNorm", (1, 5, 32), "torch/n.py:1"),
        after_vllm=Place("vision_tower.pre_layrnorm", "LayerNorm", (1, 5, 32), "torch/n.py:1"),
    )


def record(*evidence: Evidence, model: str = "llava-tiny") -> Record:
    item = AskedItem("image", 1, 48, 24, 0, 0.0, 0)
    return Record(
        schema=RECORD_SCHEMA,
        created="2026-01-02T03:04:05+00:00",
        command="mmport verify llava-tiny --tiny",
        model=model,
        checkpoint=(FileHash("config.json", "cd" * 32), FileHash("model.safetensors", "ef" * 32)),
        seeds=Seeds(weights=0),
        questions=(Question("scenario", "image", "<image> What?", (item,)),),
        evidence=evidence,
    )


def hostile() -> Evidence:
    """Evidence in which every text that a model has a say in is hostile."""
    one = failing()
    assert one.divergence is not None
    place = Place(HOSTILE, HOSTILE, (1,), HOSTILE)
    stage = one.stages[2]
    measurements = tuple(
        replace(item, scenario=HOSTILE, subject=HOSTILE, detail=HOSTILE)
        for item in stage.measurements
    )
    return replace(
        one,
        model=HOSTILE,
        architecture=HOSTILE,
        first_failure=HOSTILE,
        stages=(*one.stages[:2], replace(stage, measurements=measurements), *one.stages[3:]),
        divergence=replace(one.divergence, hf=place, vllm=place, detail=HOSTILE),
        modules=tuple(replace(two, hf=HOSTILE, detail=HOSTILE) for two in one.modules[:4]),
    )


class Side:
    """Writes what a worker would."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder

    def write(self, stage: str, document: Any, tensors: dict[str, Any]) -> None:
        (self.folder / f"{stage}.json").write_text(json.dumps(document))
        save_file(tensors, self.folder / f"{stage}.safetensors")

    def processor(self, tensors: dict[str, Any], document: Any = None) -> None:
        cases: dict[str, Any] = {name.rpartition("/")[0]: {} for name in tensors}
        self.write("processor", cases if document is None else document, tensors)

    def hf_answer(self, scenario: str, tokens: list[int], steps: Any) -> None:
        requests = [{"prompt": [1, 2, 3], "tokens": tokens}]
        self.write(
            f"scenario-{scenario}", {"requests": requests, "left_out": {}}, {"0/steps": steps}
        )

    def engine_answer(
        self, scenario: str, tokens: list[int], steps: list[dict[str, float]]
    ) -> None:
        requests = [{"prompt": [1, 2, 3], "tokens": tokens, "steps": steps}]
        self.write(f"scenario-{scenario}", {"requests": requests, "left_out": {}}, {})


def _right(stage: Stage) -> Iterator[Measurement]:
    if stage in (Stage.WEIGHTS, Stage.BUDGET):
        yield Measurement(stage, "loading", "elements accounted for", Outcome.PASSED)
        return
    yield Measurement(stage, "text", "shape", Outcome.PASSED)
    yield Measurement(stage, "image", "values", Outcome.PASSED, 3e-7, 1e-4, floor=2e-7)


def _modules(wrong_from: int | None) -> Iterator[ModuleFigure]:
    names = ["embeddings.patch_embedding", "pre_layrnorm"]
    for layer in range(4):
        block = f"encoder.layers.{layer}"
        names += [f"{block}.self_attn", f"{block}.mlp", block]
    for place, name in enumerate(names):
        wrong = wrong_from is not None and place >= wrong_from
        for event in ("input", "output"):
            away = wrong and (event == "output" or place > (wrong_from or 0))
            noise = 1e-7 * (1 + place) * (1.3 if event == "output" else 0.7)
            yield ModuleFigure(
                stage=Stage.ENCODER,
                scenario="image",
                hf=f"model.vision_tower.{name}",
                vllm=f"vision_tower.{name}",
                event="input" if event == "input" else "output",
                figure=0.31 * math.exp(-0.02 * place) if away else noise,
                floor=noise / 1.2,
                bound=max(1e-6, 4 * noise),
                agrees=not away,
            )


def picture(height: int, width: int) -> Any:
    """A smooth picture, (3, height, width) of about -1 to 1."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    channels = [np.sin(5 * x + 2 * y), np.cos(4 * y + x), np.sin(7 * x * y)]
    return np.stack(channels).astype(np.float32)
