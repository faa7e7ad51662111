from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from mmport.core.errors import TargetUnwritable
from mmport.core.files import sha256_file
from mmport.core.jsonable import from_json
from mmport.model.evidence import FileHash
from mmport.reports.exhibits import Exhibits
from mmport.reports.record import Record, Seeds, command_line, make_record
from mmport.reports.write import write_report
from mmport.verification.jobs import Setup
from tests.conftest import ROOT
from tests.unit.reports import runs
from tests.unit.verification.models import KNOWN


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    model = tmp_path / "model"
    model.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "notes.md", "old.bin"):
        (model / name).write_text(name)
    return Setup(
        model=model,
        facts=KNOWN,
        name="llava-tiny",
        revision=None,
        tiny=True,
        vllm_python=Path("python"),
        hf_python=Path("python"),
        work=tmp_path / "work",
    )


def test_it_hashes_the_weights_and_what_says_what_they_are(setup: Setup) -> None:
    record = make_record(setup, (runs.passing(),), "mmport verify x")
    assert record.checkpoint == tuple(
        FileHash(name, sha256_file(setup.model / name))
        for name in ("config.json", "model.safetensors", "tokenizer.json")
    )


def test_weights_that_are_not_ours_have_no_seed(setup: Setup) -> None:
    assert make_record(setup, (runs.passing(),), "").seeds == Seeds(weights=0)
    real = replace(setup, tiny=False)
    assert make_record(real, (runs.passing(),), "").seeds == Seeds(weights=None)


def test_the_seeds_are_those_that_the_workers_set() -> None:
    workers = ROOT / "src" / "mmport" / "workers"
    hf = (workers / "hf.py").read_text()
    engine = "".join(path.read_text() for path in workers.glob("vllm_*.py"))
    assert f"torch.manual_seed({Seeds(None).hf})" in hf
    assert f'"seed": {Seeds(None).engine},' in engine


def test_it_tells_every_prompt_and_every_item(setup: Setup) -> None:
    record = make_record(setup, (runs.passing(),), "")
    requests = [request for scenario in setup.asked.scenarios for request in scenario.requests]
    requests += [case.request for case in setup.asked.processor_cases]
    assert [one.text for one in record.questions] == [request.text for request in requests]
    asked = [[item.seed for item in one.items] for one in record.questions]
    assert asked == [[item.seed for item in request.items] for request in requests]


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    record = runs.record(runs.passing(), runs.failing())
    write_report(tmp_path / "report", record, [Exhibits()] * 2)
    names = sorted(path.name for path in (tmp_path / "report").iterdir())
    assert names == ["card.md", "evidence.json", "junit.xml", "report.html"]
    text = (tmp_path / "report" / "evidence.json").read_text()
    assert from_json(text, Record) == record


def test_a_second_report_takes_the_place_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for evidence in (runs.failing(), runs.passing()):
        write_report(tmp_path, runs.record(evidence), [Exhibits()])
    assert (
        json.loads((tmp_path / "evidence.json").read_text())["evidence"][0]["outcome"] == "passed"
    )
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 5


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetUnwritable):
        write_report(tmp_path / "file" / "report", runs.record(runs.passing()), [Exhibits()])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_every_field_of_the_schema_is_documented() -> None:
    page = (ROOT / "docs" / "evidence.md").read_text()
    definitions = msgspec.json.schema(Record)["$defs"]
    for name, definition in definitions.items():
        assert f"`{name}`" in page or "properties" not in definition, name
        for field in definition.get("properties", {}):
            assert f"`{field}`" in page, f"{name}.{field} is not documented"


@dataclass(frozen=True, slots=True)
class Options:
    implementations: tuple[str, ...] = ()
    port: Path | None = None
    tiny: bool = False
    trust_remote_code: bool = False
    dtype: str = "float32"
    tensor_parallel: int = 1
    timeout: float = 400.0
    vllm_python: Path | None = None
    report: Path | None = None


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (Options(), "mmport verify llava"),
        (
            Options(("in-tree", "transformers"), tiny=True, dtype="bfloat16"),
            "mmport verify llava --impl in-tree --impl transformers --tiny --dtype bfloat16",
        ),
        (Options(port=Path("/home/me/port")), "mmport verify llava --port DIR"),
        (Options(trust_remote_code=True), "mmport verify llava --trust-remote-code"),
        (
            Options(vllm_python=Path("/x/python"), report=Path("/y"), timeout=9.0),
            "mmport verify llava",
        ),
    ],
)
def test_the_command_makes_the_run_again_and_names_no_folder(options: Options, line: str) -> None:
    assert command_line("llava", options) == line


def test_a_model_s_name_is_quoted() -> None:
    assert command_line("a; rm -rf b", Options()) == "mmport verify 'a; rm -rf b'"
