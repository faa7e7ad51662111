from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmport.vllm_api import store
from tests.unit.cli.program import Run, runner
from tests.unit.vllm_api.test_draw import SOURCE, write_source


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


def test_every_release_is_listed_with_its_era(run: Run) -> None:
    done = run("catalog", "list", "--format", "json")
    found = {one["version"]: one["era"] for one in json.loads(done.out)["releases"]}
    assert list(found) == list(store.releases())
    assert (found["0.5.1"], found["0.10.1.1"], found["0.32.0"]) == ("L1", "E2", "E9")
    assert "0.32.0" in run("catalog", "list").out


def test_what_breaks_most_comes_first(run: Run) -> None:
    done = run("catalog", "diff", "0.28.0", "0.29.0", "--format", "json")
    found = json.loads(done.out)["differences"]
    first = [one for one in found if one["effect"] == "silent"]
    assert found[: len(first)] == first
    processor = "vllm.multimodal.processing.processor.BaseMultiModalProcessor"
    silent = {one["place"]: one["fix"] for one in first}
    assert "_preprocess_hf_mm_data" in silent[f"{processor}._call_hf_processor"]
    assert f"{processor}._hf_processor_applies_updates" in silent
    text = run("catalog", "diff", "0.28", "0.29").out
    assert text.index("never called again") < text.index("takes other arguments")
    assert "new:" not in text
    assert "new:" in run("catalog", "diff", "0.28", "0.29", "--all").out


def test_signatures_moves_and_demands_are_told(run: Run) -> None:
    def effects(old: str, new: str) -> dict[str, str]:
        done = run("catalog", "diff", old, new, "--format", "json")
        return {one["place"]: one["effect"] for one in json.loads(done.out)["differences"]}

    found = effects("0.9.1", "0.9.2")
    call = "vllm.multimodal.processing.BaseMultiModalProcessor._call_hf_processor"
    assert found[call] == "called-otherwise"
    found = effects("0.11.0", "0.11.1")
    merge = "vllm.model_executor.models.utils._merge_multimodal_embeddings"
    assert found[merge] == "takes-otherwise"
    found = effects("0.18.1", "0.19.0")
    assert found["vllm.multimodal.inputs.MultiModalDataDict"] == "moved"
    found = effects("0.14.1", "0.15.0")
    assert found["vllm.multimodal.profiling.BaseDummyInputsBuilder"] == "moved"


def test_a_release_against_itself(run: Run) -> None:
    assert "nothing" in run("catalog", "diff", "0.32.0", "0.32.0").out


def test_a_release_that_is_none(run: Run) -> None:
    done = run("catalog", "diff", "0.28.0", "latest")
    assert done.code == 2
    assert "mmport catalog list" in done.err


def test_a_release_is_added_from_its_source(tmp_path: Path, run: Run) -> None:
    source, catalog = write_source(tmp_path / "source", SOURCE), tmp_path / "catalog"
    catalog.mkdir()
    arguments = ("--source", source, "--catalog", catalog)
    done = run("catalog", "add", "0.32.1", *arguments, "--format", "json")
    assert (done.code, json.loads(done.out)["added"]) == (0, ["0.32.1"])
    assert json.loads((catalog / "releases.json").read_text()) == ["0.32.1"]
    before = {file.name: file.read_bytes() for file in catalog.iterdir()}
    assert run("catalog", "add", "0.32.1", *arguments).code == 0
    assert {file.name: file.read_bytes() for file in catalog.iterdir()} == before
    (source / "vllm/model_executor/models/tiny.py").write_text("class Other: ...\n")
    assert run("catalog", "add", "0.33.0", *arguments).code == 0
    models = json.loads((catalog / "vllm.model_executor.models.json").read_text())
    tiny = models["vllm.model_executor.models.tiny"]
    assert tiny["0.33.0:"]["Other"] == "class()"
    assert "TinyForCausalLM" in tiny["0.32.1:0.32.1"]


@pytest.mark.parametrize(
    ("versions", "message"),
    [(("9.9.0",), "no known era"), (("new",), "no known era"), (("0.32.0", "0.33.0"), "several")],
)
def test_what_cannot_be_added(
    versions: tuple[str, ...], message: str, tmp_path: Path, run: Run
) -> None:
    done = run("catalog", "add", *versions, "--source", tmp_path, "--catalog", tmp_path)
    assert done.code == 2
    assert message in done.err
