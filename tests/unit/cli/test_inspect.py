from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from mmport.cli import app as program
from mmport.core.jsonable import from_builtins
from mmport.model.plan import Decision
from mmport.model.spec import VlmSpec
from mmport.workflows.inspection import INSPECT_SCHEMA
from tests.conftest import RunMmport
from tests.unit.checkpoints import write_json, write_llava


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


class Run(Protocol):
    def __call__(self, *arguments: str | Path) -> Done: ...


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the program in this process: transformers is slow to import anew for each test."""

    def run(*arguments: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["mmport", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            program.main()
        said = capsys.readouterr()
        return Done(int(caught.value.code or 0), said.out, said.err)

    return run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_llava(tmp_path_factory.mktemp("model"), encoder="siglip", text="qwen2")


def test_the_page_tells_the_model_and_the_verdict(run_mmport: RunMmport, model: Path) -> None:
    done = run_mmport("inspect", model)
    assert (done.returncode, done.stderr) == (0, "")
    for said in (
        "LlavaForConditionalGeneration",
        "siglip (siglip_vision_model): 2 layers of 32",
        "Qwen2ForCausalLM",
        "<image> (id 259), 3 of them for one image",
        "model.safetensors, keys of transformers-5",
        "vision_tower.encoder.layers.{}.self_attn.q_proj.weight",
        "On vLLM 0.32.0",
        "mmport scaffold",
    ):
        assert said in done.stdout


def test_json_is_one_document(run: Run, model: Path) -> None:
    done = run("inspect", model, "--format", "json", "--target-vllm", "0.33")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert document["schema"] == INSPECT_SCHEMA
    assert document["target"] == {"version": "0.33.0", "era": "E9"}
    assert from_builtins(document["spec"], VlmSpec).encoders[0].family == "siglip"
    assert document["verdict"] == "port"
    assert from_builtins(document["decisions"], tuple[Decision, ...])
    assert document["findings"] == []


def test_findings_are_shown(run: Run, tmp_path: Path) -> None:
    folder = write_llava(tmp_path, weights=False)
    (folder / "processor_config.json").unlink()
    done = run("inspect", folder)
    assert done.returncode == 0
    assert "Odd about the source" in done.stdout
    assert "cannot count an image's tokens" in done.stdout
    assert "no safetensors weights" in done.stdout
    document = json.loads(run("inspect", folder, "--format", "json").stdout)
    assert [finding["rule"] for finding in document["findings"]] == [
        "inspect.processor-cannot-count"
    ]


def test_a_model_without_a_plan_is_shown_and_refused(run: Run, tmp_path: Path) -> None:
    folder = write_llava(tmp_path, weights=False, text_config={"model_type": "helium"})
    done = run("inspect", folder, "--format", "json")
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert document["verdict"] == "not-portable"
    assert document["spec"]["language_model"]["hf_architecture"] == "HeliumForCausalLM"
    assert "what to do:" in done.stderr
    assert "not-portable" in run("inspect", folder).stdout


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('{"model_type": "llama"}', "not a vision-language model"),
        ("{", "is not JSON"),
        (None, "holds no config.json"),
        ('{"model_type": "\\u001b[31mred\\u0007"}', "knows no model type"),
    ],
)
def test_bad_input_is_two_lines_and_code_3(
    run: Run, tmp_path: Path, config: str | None, said: str
) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    done = run("inspect", tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    what, todo = done.stderr.splitlines()
    assert said in what
    assert todo.strip().startswith("what to do: ")
    assert "\x1b" not in done.stderr


def test_an_unknown_target_is_a_usage_error(run: Run, model: Path) -> None:
    done = run("inspect", model, "--target-vllm", "9.9")
    assert done.returncode == 2
    assert "mmport catalog list" in done.stderr


def test_offline_names_the_way_out(run_mmport: RunMmport, tmp_path: Path) -> None:
    done = run_mmport("inspect", "org/model", HF_HUB_CACHE=str(tmp_path))
    assert done.returncode == 3
    assert "HF_HUB_OFFLINE" in done.stderr


def test_markup_in_a_config_is_shown_as_it_is(run: Run, tmp_path: Path) -> None:
    folder = write_llava(tmp_path, weights=False)
    for name in ("processor_config.json", "tokenizer_config.json"):
        values = json.loads((folder / name).read_text()) | {"image_token": "[red]<i>[/red]"}
        write_json(folder / name, values)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"][3]["content"] = "[red]<i>[/red]"
    write_json(folder / "tokenizer.json", tokenizer)
    done = run("inspect", folder)
    assert done.returncode == 0
    assert "[red]<i>[/red] (id 259)" in done.stdout
