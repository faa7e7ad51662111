"""Writes what workers would write of a scenario, for the judges of what comes out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from mmport.verification.cases import Scenario
from mmport.verification.stage_files import StageFiles, scenario_stage

VOCABULARY = 5
LOGPROBS = np.log(np.arange(1, VOCABULARY + 1, dtype=np.float32) / 15)
"""Of each step: token 4 is the likeliest."""


@dataclass
class Sides:
    """The folders of both sides, with one scenario in them that they agree on.

    Tests change `hf` and `vllm` (the requests of the documents) and the tensors
    before they call `files`.
    """

    folder: Path
    scenario: Scenario
    hf: list[dict[str, Any] | None] = field(default_factory=list)
    vllm: list[dict[str, Any] | None] = field(default_factory=list)
    hf_tensors: dict[str, Any] = field(default_factory=dict)
    vllm_tensors: dict[str, Any] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    control: int | None = None

    def __post_init__(self) -> None:
        tokens = [4] * self.scenario.new_tokens
        for index, _ in enumerate(self.scenario.requests):
            self.hf.append({"prompt": [1, 3, 3, 2], "tokens": list(tokens)})
            steps = [{"4": float(LOGPROBS[4]), "3": float(LOGPROBS[3])} for _ in tokens]
            self.vllm.append({"prompt": [1, 3, 3, 2], "tokens": list(tokens), "steps": steps})
            self.hf_tensors[f"{index}/steps"] = np.stack([LOGPROBS for _ in tokens])
            for tensors in (self.hf_tensors, self.vllm_tensors):
                tensors[f"{index}/prompt"] = np.full(3, -1.0, np.float32)

    def files(self) -> tuple[StageFiles, StageFiles]:
        """Write everything, and give both sides' folders."""
        found = []
        for name, requests, tensors in (
            ("hf", self.hf, self.hf_tensors),
            ("vllm", self.vllm, self.vllm_tensors),
        ):
            folder = self.folder / name
            folder.mkdir(parents=True, exist_ok=True)
            document: dict[str, Any] = {"requests": requests, "left_out": {}}
            if name == "vllm":
                document["left_out"] = self.left_out
                if self.control is not None:
                    document["control"] = self.control
            stage = scenario_stage(self.scenario.name)
            (folder / f"{stage}.json").write_text(json.dumps(document))
            save_file(tensors, folder / f"{stage}.safetensors")
            found.append(StageFiles(folder))
        return found[0], found[1]
