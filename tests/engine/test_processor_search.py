"""The processor and its budget alone, on real ports with faults that only a search finds."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmport.generation.lock import read_lock
from mmport.hub import open_source
from mmport.inspection.inspector import inspect_model
from mmport.model.evidence import Evidence, Measurement, Outcome, Stage
from mmport.verification.facts import facts_from_spec
from mmport.verification.run import Setup, compare
from mmport.verification.selection import Selection
from mmport.verification.subjects import Subject
from mmport.vllm_api.catalog import resolve_target
from tests.engine.conftest import Checkpoint, Port

pytestmark = pytest.mark.engine


@dataclass(frozen=True, slots=True)
class Fault:
    """Code that is put at the end of a port's model file, and who must notice."""

    name: str
    code: str
    stage: Stage
    scenario: str
    subject: str


# In each, `Info` and `Processor` are the port's own classes.
FAULTS = (
    Fault(
        "a declared maximum that is one too small",
        """
stated = Info.get_mm_max_tokens_per_item

def too_few(self, seq_len, mm_counts):
    return {kind: most - 1 for kind, most in stated(self, seq_len, mm_counts).items()}

Info.get_mm_max_tokens_per_item = too_few
""",
        Stage.BUDGET,
        "image",
        "dummy item",
    ),
    Fault(
        "an item from the cache in another's place",
        """
merge = Processor._merge_mm_kwargs

def exchanged(self, cache, mm_hashes, mm_is_cached, *args, **kwargs):
    items, updates = merge(self, cache, mm_hashes, mm_is_cached, *args, **kwargs)
    if any(mm_is_cached["image"]):
        items["image"] = items["image"][::-1]
    return items, updates

Processor._merge_mm_kwargs = exchanged
""",
        Stage.PROCESSOR,
        "cached items",
        "image AB",
    ),
    Fault(
        "a wide image that is resized otherwise",
        """
call = Processor._call_hf_processor

def squeezed(self, hf_data, hf_kwargs):
    images = hf_data.get("images", [])
    if any(image.size[0] >= 3 * image.size[1] for image in images):
        hf_data = {**hf_data, "images": [image.rotate(180) for image in images]}
    return call(self, hf_data, hf_kwargs)

Processor._call_hf_processor = squeezed
""",
        Stage.PROCESSOR,
        "",
        "pixel values",
    ),
    Fault(
        "options that nobody passes on",
        """
call = Processor._call_hf_processor

def deaf(self, hf_data, hf_kwargs):
    return call(self, hf_data, {})

Processor._call_hf_processor = deaf
""",
        Stage.PROCESSOR,
        "",
        "pixel values",
    ),
)


def with_fault(fault: Fault, port: Path, folder: Path) -> Subject:
    plan = read_lock(port).plan
    shutil.copytree(port, folder)
    model = folder / plan.model_file
    classes = """

def _own(base):
    return next(
        one
        for one in list(globals().values())
        if isinstance(one, type) and one.__module__ == __name__ and issubclass(one, base)
    )


Info, Processor = _own(BaseProcessingInfo), _own(BaseMultiModalProcessor)
"""
    model.write_text(model.read_text() + classes + fault.code)
    return Subject("port", folder, f"{plan.names.package}:register", label=folder.name)


def failed(evidence: Evidence) -> list[Measurement]:
    return [
        one
        for stage in evidence.stages
        for one in stage.measurements
        if one.outcome is Outcome.FAILED
    ]


@pytest.mark.full(reason="an engine import for each fault; one is in each run")
def test_a_right_port_passes_and_each_fault_is_named(
    checkpoint: Checkpoint, port_of: Port, engine_python: Path, tmp_path: Path
) -> None:
    model = checkpoint("clip-llama")
    port = port_of(model)
    plan = read_lock(port).plan
    right = Subject("port", port, f"{plan.names.package}:register", label="right")
    wrong = [with_fault(fault, port, tmp_path / f"fault-{n}") for n, fault in enumerate(FAULTS)]
    spec = inspect_model(open_source(str(model), revision=None), resolve_target(None))
    setup = Setup(
        model,
        facts_from_spec(spec),
        str(model),
        None,
        True,
        engine_python,
        engine_python,
        tmp_path / "work",
        selection=Selection(stages=(Stage.PROCESSOR, Stage.BUDGET)),
    )
    evidence = compare(setup, [right, *wrong])
    assert failed(evidence[0]) == []
    scenarios = {one.scenario for stage in evidence[0].stages for one in stage.measurements}
    assert {"search", "token prompts", "cached items", "chat", "literal placeholder"} <= scenarios
    assert "do_normalize=False" in scenarios
    for fault, found in zip(FAULTS, evidence[1:], strict=True):
        seen = failed(found)
        assert seen, fault.name
        assert {one.stage for one in seen} == {fault.stage}, fault.name
        assert any(
            one.subject == fault.subject and fault.scenario in ("", one.scenario) for one in seen
        ), (fault.name, seen)


def test_a_fault_of_some_sizes_is_shrunk_to_where_it_begins(
    checkpoint: Checkpoint, port_of: Port, engine_python: Path, tmp_path: Path
) -> None:
    model = checkpoint("clip-llama")
    subject = with_fault(FAULTS[2], port_of(model), tmp_path / "fault")
    spec = inspect_model(open_source(str(model), revision=None), resolve_target(None))
    facts = facts_from_spec(spec)
    setup = Setup(
        model,
        facts,
        str(model),
        None,
        True,
        engine_python,
        engine_python,
        tmp_path / "work",
        selection=Selection(stages=(Stage.PROCESSOR,)),
    )
    (evidence,) = compare(setup, [subject])
    told = [one.detail for one in failed(evidence) if "it fails from" in one.detail]
    assert told
    width, height = told[0].rpartition("it fails from ")[2].split()[0].split("x")
    assert int(width) >= 3 * int(height)
    assert int(width) - 1 < 3 * int(height) or int(width) < 3 * (int(height) + 1)
