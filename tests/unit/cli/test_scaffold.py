from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmport.generation.lock import record_evidence
from mmport.generation.render import render_port
from mmport.model.evidence import Evidence, Outcome
from mmport.workflows import verify as verify_module
from mmport.workflows.verify import VerifyOptions
from tests.unit.cli.program import Run, runner, write_model
from tests.unit.generation.ports import append, evidence_of, snapshot

MODEL = "llava_vllm/llava.py"
INJECTION = '"""); import os; os.system("x")#'


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


@pytest.fixture
def port(tmp_path: Path, model: Path, run: Run) -> Path:
    folder = tmp_path / "port"
    assert run("scaffold", model, "-o", folder).code == 0
    return folder


def test_a_port_is_written_and_its_files_are_named(tmp_path: Path, model: Path, run: Run) -> None:
    done = run("scaffold", model, "-o", tmp_path / "port")
    assert done.code == 0
    assert "LlavaForConditionalGeneration for vLLM 0.32.0" in done.out
    assert "mmport.lock" in done.out
    assert "next: mmport verify" in done.out
    assert MODEL in snapshot(tmp_path / "port")


def test_json_is_one_document_on_stdout(tmp_path: Path, model: Path, run: Run) -> None:
    done = run("scaffold", model, "-o", tmp_path / "port", "--format", "json")
    document = json.loads(done.out)
    assert document["schema"] == "mmport.scaffold/1"
    assert document["written"] is True
    assert document["plan"]["verdict"] == "in-tree"
    assert {file["state"] for file in document["files"]} == {"new"}


def test_a_second_run_changes_not_a_byte(port: Path, model: Path, run: Run) -> None:
    before = snapshot(port)
    done = run("scaffold", model, "-o", port)
    assert done.code == 0
    assert "unchanged" in done.out
    assert snapshot(port) == before


def test_a_single_file_can_be_written(tmp_path: Path, model: Path, run: Run) -> None:
    assert run("scaffold", model, "-o", tmp_path / "one", "--layout", "file").code == 0
    assert set(snapshot(tmp_path / "one")) == {"llava.py", "mmport.lock"}


@pytest.mark.parametrize("option", ["--diff", "--check"])
def test_a_preview_writes_nothing(tmp_path: Path, model: Path, run: Run, option: str) -> None:
    done = run("scaffold", model, "-o", tmp_path / "port", option)
    assert done.code == 1
    assert not (tmp_path / "port").exists()
    assert run("scaffold", model, "-o", tmp_path / "port").code == 0
    done = run("scaffold", model, "-o", tmp_path / "port", option)
    assert done.code == 0
    assert ("unchanged" in done.out) == (option == "--check")


def test_patch_makes_the_port_of_the_diff(tmp_path: Path, model: Path, run: Run) -> None:
    diff = run("scaffold", model, "-o", tmp_path / "port", "--diff").out
    (tmp_path / "patched").mkdir()
    subprocess.run(
        ["git", "apply", "-"], cwd=tmp_path / "patched", input=diff.encode(), check=True, timeout=30
    )
    run("scaffold", model, "-o", tmp_path / "port")
    assert snapshot(tmp_path / "patched") == snapshot(tmp_path / "port")


def test_an_edited_file_is_kept_and_named(port: Path, model: Path, run: Run) -> None:
    append(port / MODEL, "# mine\n")
    before = snapshot(port)
    done = run("scaffold", model, "-o", port)
    assert (done.code, done.out) == (1, "")
    assert f"edited and not accepted: {MODEL}" in done.err
    assert "what to do: keep the edits with `mmport accept" in done.err
    done = run("scaffold", model, "-o", port, "--check")
    assert done.code == 1
    assert "edited and not accepted; left as it is" in " ".join(done.out.split())
    done = run("scaffold", model, "-o", port, "--diff")
    assert (done.code, done.out) == (1, "")
    assert "edited and not accepted" in done.err
    assert snapshot(port) == before


def test_force_shows_and_then_does_what_it_overwrites(port: Path, model: Path, run: Run) -> None:
    pristine = snapshot(port)
    append(port / MODEL, "# mine\n")
    done = run("scaffold", model, "-o", port, "--diff", "--force")
    assert done.code == 1
    assert "\n-# mine\n" in done.out
    assert run("scaffold", model, "-o", port, "--force").code == 0
    assert snapshot(port) == pristine


def accept_an_edit_that_conflicts(port: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edit a module's first line, accept that, and let a newer mmport generate another."""
    module = port / MODEL
    module.write_text(f"# mine\n{module.read_text()}")
    assert run("accept", port).code == 0
    monkeypatch.setattr(
        "mmport.generation.update.render_port",
        lambda plan, spec: {
            path: f"# newer\n{text}" if path == MODEL else text
            for path, text in render_port(plan, spec).items()
        },
    )


def test_a_conflict_is_written_reported_and_exits_with_1(
    port: Path, model: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = port / MODEL
    accept_an_edit_that_conflicts(port, run, monkeypatch)
    done = run("scaffold", model, "-o", port, "--format", "json")
    assert done.code == 1
    (finding,) = json.loads(done.out)["findings"]
    assert (finding["rule"], finding["file"], finding["line"]) == ("conflict", str(module), 1)
    assert module.read_text().startswith("<<<<<<< your edit\n# mine\n")


def test_a_model_that_needs_a_port_is_told_so(tmp_path: Path, run: Run) -> None:
    model = write_model(tmp_path / "model", vision_feature_layer=[-2, -1])
    done = run("scaffold", model, "-o", tmp_path / "port", "--format", "json")
    reasons = [item["reason"] for item in json.loads(done.out)["plan"]["decisions"]]
    assert any("one feature layer" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--target-vllm", "9.9"], 2, "'9.9' is no release"),
        (["--target-vllm", "latest\n"], 2, "is no release"),
        (["--layout", "wheel"], 2, "wheel"),
        (["--verify", "--diff"], 2, "--verify needs the port to be written"),
        (["--revision", "main"], 2, "local folder and has no revisions"),
    ],
)
def test_a_wrong_command_line_leaves_nothing_behind(
    tmp_path: Path, model: Path, run: Run, arguments: list[str], code: int, message: str
) -> None:
    done = run("scaffold", model, "-o", tmp_path / "port", *arguments)
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert list(tmp_path.iterdir()) == [model]


@pytest.mark.parametrize("place", ["file", "file/port", "file/a/b"])
def test_a_target_that_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, model: Path, run: Run, place: str
) -> None:
    (tmp_path / "file").write_text("mine")
    done = run("scaffold", model, "-o", tmp_path / place)
    assert (done.code, done.out) == (3, "")
    assert "file is not a folder" in done.err
    assert "what to do: choose another folder with -o" in done.err
    assert (tmp_path / "file").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"file", "model"}


def test_a_file_system_that_takes_no_files_is_told_so(model: Path, run: Run) -> None:
    done = run("scaffold", model, "-o", "/proc/mmport/port")
    assert (done.code, done.out) == (3, "")
    assert "/proc/mmport/port cannot be written" in done.err


@pytest.mark.parametrize(
    "config",
    [
        {"architectures": [INJECTION]},
        {"architectures": ["../../../etc/passwd"]},
        {"architectures": ["Llava\nimport os"]},
        {"model_type": INJECTION},
        {"text_config": {"model_type": INJECTION}},
        {"text_config": {"model_type": "../../x"}},
        {"vision_config": {"model_type": INJECTION}},
        {"architectures": ["\ud800"]},
        {"image_token_index": INJECTION},
    ],
)
def test_code_and_paths_in_a_config_leave_nothing_behind(
    tmp_path: Path, run: Run, config: dict[str, Any]
) -> None:
    model = write_model(tmp_path / "model", **config)
    done = run("scaffold", model, "-o", tmp_path / "port")
    assert (done.code, done.out) == (3, "")
    assert "what to do: " in done.err
    assert "Traceback" not in done.err
    assert list(tmp_path.iterdir()) == [model]


def test_code_in_the_image_token_stays_a_string(tmp_path: Path, run: Run) -> None:
    model = write_model(tmp_path / "model")
    processor = {"processor_class": "LlavaProcessor", "image_token": INJECTION}
    (model / "processor_config.json").write_text(json.dumps(processor))
    done = run("scaffold", model, "-o", tmp_path / "port")
    assert done.code == 0, done.err
    tree = ast.parse(snapshot(tmp_path / "port")[MODEL])
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert INJECTION in strings
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "os" not in names


def test_a_model_folder_of_any_name_makes_a_sound_port(tmp_path: Path, run: Run) -> None:
    model = write_model(tmp_path / f"a `b` $(c) '{INJECTION}'".replace("/", ""))
    assert run("scaffold", model, "-o", tmp_path / "port").code == 0
    readme = snapshot(tmp_path / "port")["README.md"].decode()
    assert readme.count("```") % 2 == 0
    assert run("scaffold", model, "-o", tmp_path / "port", "--check").code == 0


class Prover:
    """Stands in for `verify`: records evidence of an outcome in the port that it is given."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.ports: list[Path] = []

    def __call__(self, name: str, options: VerifyOptions, sink: object) -> tuple[Evidence, ...]:
        assert options.port is not None
        assert options.tiny
        assert options.implementations == ("port",)
        self.ports.append(options.port)
        evidence = evidence_of(options.port, self.outcome)
        record_evidence(options.port, evidence)
        return (evidence,)


@pytest.fixture
def prover(monkeypatch: pytest.MonkeyPatch) -> Callable[[Outcome], Prover]:
    def install(outcome: Outcome) -> Prover:
        prover = Prover(outcome)
        monkeypatch.setattr(verify_module, "verify", prover)
        return prover

    return install


Install = Callable[[Outcome], Prover]


def test_a_port_is_proven_before_it_is_handed_over(
    tmp_path: Path, model: Path, run: Run, prover: Install
) -> None:
    proven, folder = prover(Outcome.PASSED), tmp_path / "port"
    done = run("scaffold", model, "-o", folder, "--verify", "--format", "json")
    assert done.code == 0, done.err
    assert len(proven.ports) == 1
    assert proven.ports[0] != folder
    assert json.loads(done.out)["written"] is True
    assert [item["outcome"] for item in json.loads(done.out)["evidence"]] == ["passed"]
    assert {path.name for path in tmp_path.iterdir()} == {"model", "port"}
    assert run("check", folder).code == 0
    assert run("scaffold", model, "-o", folder, "--verify").code == 0
    assert run("check", folder).code == 0


def test_a_port_that_is_not_right_is_not_written(
    tmp_path: Path, model: Path, run: Run, prover: Install
) -> None:
    prover(Outcome.FAILED)
    done = run("scaffold", model, "-o", tmp_path / "port", "--verify")
    assert done.code == 1
    assert "encoder: off by 1" in done.out
    said = " ".join(done.out.split())
    assert f"the port is not proven: nothing was written to {tmp_path / 'port'}" in said
    assert list(tmp_path.iterdir()) == [model]
    done = run("scaffold", model, "-o", tmp_path / "port", "--verify", "--format", "json")
    assert done.code == 1
    assert json.loads(done.out)["written"] is False


def test_a_port_that_is_there_stays_as_it_was_if_the_new_one_is_red(
    port: Path, tmp_path: Path, run: Run, prover: Install
) -> None:
    prover(Outcome.FAILED)
    other = write_model(tmp_path / "other", vision_feature_select_strategy="full")
    before = snapshot(port)
    assert run("scaffold", other, "-o", port, "--check").code == 1
    assert run("scaffold", other, "-o", port, "--verify").code == 1
    assert snapshot(port) == before
    prover(Outcome.PASSED)
    assert run("scaffold", other, "-o", port, "--verify").code == 0
    assert run("check", port).code == 0
    assert run("scaffold", other, "-o", port, "--check").code == 0


def test_edits_stop_it_before_the_proof(port: Path, model: Path, run: Run, prover: Install) -> None:
    proven = prover(Outcome.PASSED)
    append(port / MODEL, "# mine\n")
    done = run("scaffold", model, "-o", port, "--verify")
    assert (done.code, proven.ports) == (1, [])
    assert "edited and not accepted" in done.err


def test_a_conflict_is_not_proven_and_not_written(
    port: Path, model: Path, run: Run, prover: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    proven = prover(Outcome.PASSED)
    accept_an_edit_that_conflicts(port, run, monkeypatch)
    before = snapshot(port)
    done = run("scaffold", model, "-o", port, "--verify", "--format", "json")
    assert (done.code, proven.ports) == (1, [])
    (finding,) = json.loads(done.out)["findings"]
    assert "without --verify" in finding["fix"]
    assert snapshot(port) == before


@pytest.mark.parametrize("way", ["absolute", "relative", "dotted", "link"])
def test_a_model_by_another_path_changes_nothing(
    port: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("model")
    named = {
        "absolute": str(tmp_path / "model"),
        "relative": "model",
        "dotted": "./model/../model/",
        "link": "link",
    }[way]
    assert run("scaffold", named, "-o", port, "--check").code == 0
    for name, content in snapshot(port).items():
        assert str(tmp_path).encode() not in content, name


def test_the_next_command_can_be_run_as_it_stands(tmp_path: Path, run: Run) -> None:
    model = write_model(tmp_path / "a model")
    done = run("scaffold", model, "-o", tmp_path / "port")
    wanted = f"next: mmport verify '{model}' --port {tmp_path / 'port'} --tiny"
    assert wanted in " ".join(done.out.split())


def test_a_port_to_an_old_release(tmp_path: Path, model: Path, run: Run) -> None:
    port, target = tmp_path / "old", ("--target-vllm", "0.6.3")
    done = run("scaffold", model, "-o", port, *target)
    assert done.code == 0
    assert "for vLLM 0.6.3.post1" in done.out
    assert "register_image_input_mapper" in (port / MODEL).read_text()
    assert run("scaffold", model, "-o", port, *target, "--check").code == 0
    assert run("scaffold", model, "-o", port, "--check").code == 1


def test_a_modality_of_the_ports_own(tmp_path: Path, model: Path, run: Run) -> None:
    options = ("--target-vllm", "0.8.4", "--modality-plugin", "thermal")
    assert run("scaffold", model, "-o", tmp_path / "port", *options).code == 0
    text = (tmp_path / "port" / MODEL).read_text()
    assert "class ThermalPlugin(MultiModalPlugin)" in text
    done = run("scaffold", model, "-o", tmp_path / "other", "--modality-plugin", "thermal")
    assert done.code == 2
    assert "ended with 0.8.4" in done.err


@pytest.mark.parametrize("key", ["image", "not a name"])
def test_a_modality_that_cannot_be(tmp_path: Path, model: Path, run: Run, key: str) -> None:
    options = ("--target-vllm", "0.8.4", "--modality-plugin", key)
    done = run("scaffold", model, "-o", tmp_path / "port", *options)
    assert done.code == 2
    assert not (tmp_path / "port").exists()
