"""The GitHub action: what a runner would do with it."""

from __future__ import annotations

import json
import re
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.packaging.action import ACTION, Job, run_steps, step
from tests.schemas import require_valid


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repo with a file that is fine and one that is no Python."""
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "good.py").write_text("x = 1\n")
    (folder / "bad.py").write_text("def f(:\n")
    return folder


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The program as it is here, which notes its arguments."""
    file = tmp_path / "mmport"
    file.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        f"sys.path.insert(0, {str(ROOT / 'src')!r})\n"
        f"with pathlib.Path({str(tmp_path / 'calls')!r}).open('a') as calls:\n"
        "    print(json.dumps(sys.argv[1:]), file=calls)\n"
        "from mmport.cli.app import main\n"
        "main()\n"
    )
    file.chmod(0o755)
    return file


def check(repo: Path, program: Path, **inputs: str) -> Job:
    named = {name.replace("_", "-"): value for name, value in inputs.items()}
    temp = program.parent
    context = {"steps.install.outputs.mmport": str(program)}
    return run_steps(repo, temp, named, ("check",), context, {"NO_COLOR": "1"})


def calls(program: Path) -> list[list[str]]:
    return [json.loads(line) for line in (program.parent / "calls").read_text().splitlines()]


def test_the_action_is_valid_by_githubs_schema() -> None:
    require_valid(ACTION, "github-action")


def test_no_script_holds_an_expression() -> None:
    """What is put into a script by the runner would be code there."""
    scripts = [item["run"] for item in ACTION["runs"]["steps"] if "run" in item]
    assert len(scripts) == 2
    assert [text for text in scripts if "${{" in text] == []


def test_every_input_gets_to_a_step() -> None:
    steps = json.dumps(ACTION["runs"]["steps"])
    assert set(re.findall(r"inputs\.([a-z-]+)", steps)) == set(ACTION["inputs"])


def test_the_jobs_own_python_stays() -> None:
    assert step("python")["with"]["update-environment"] is False


def test_what_is_fine_passes_without_a_word(repo: Path, program: Path) -> None:
    job = check(repo, program, paths="good.py")
    assert (job.code, job.outputs) == (0, {"exit-code": "0", "sarif-file": ""})
    assert job.log == "1 file checked: no errors\n"
    assert job.summary.splitlines()[-2:] == ["1 file checked: no errors", "`" * 10]


def test_findings_become_annotations_a_summary_and_sarif(repo: Path, program: Path) -> None:
    job = check(repo, program, sarif_file="out/mmport.sarif")
    assert job.code == 1
    assert job.outputs == {"exit-code": "1", "sarif-file": "out/mmport.sarif"}
    said, command = sorted(job.log.splitlines())
    assert command.startswith("::error file=bad.py,line=1,col=7,title=mmport syntax::invalid")
    assert said == "2 files checked: 1 error"
    assert job.summary.startswith("### mmport check\n\n``````````\nerror   syntax  bad.py:1:7\n")
    document = json.loads((repo / "out" / "mmport.sarif").read_text())
    require_valid(document, "sarif-2.1.0")
    assert len(document["runs"][0]["results"]) == 1


def test_a_wrong_input_writes_neither_summary_nor_sarif(repo: Path, program: Path) -> None:
    job = check(repo, program, paths="absent.py", sarif_file="out.sarif")
    assert (job.code, job.outputs) == (2, {"exit-code": "2", "sarif-file": ""})
    assert "there is no absent.py" in job.log
    assert job.summary == ""
    assert not (repo / "out.sarif").exists()
    assert check(repo, program, paths="").code == 2


def test_other_formats_give_the_runner_no_commands(repo: Path, program: Path) -> None:
    job = check(repo, program, format="text")
    first, *lines, last = job.log.splitlines()
    assert job.code == 1
    token = first.removeprefix("::stop-commands::")
    assert last == f"::{token}::"
    assert token not in lines
    assert lines[0] == "error   syntax  bad.py:1:7"


def test_inputs_are_words_and_never_code(repo: Path, program: Path) -> None:
    nasty = "$(touch pwned) `touch pwned`; touch pwned & * \"'.py"
    (repo / nasty).write_text("x = 1\n")
    (repo / "--help.py").write_text("x = 1\n")
    job = check(
        repo,
        program,
        paths=f"{nasty}\n--help.py\n\ngood.py",
        target_vllm="0.31.0, 0.32.0\n0.33.0",
        args="--strict\n--ignore=lint",
    )
    assert job.code == 0, job.log
    assert calls(program)[0] == [
        "check",
        "--format=github",
        "--strict",
        "--ignore=lint",
        "--target-vllm=0.31.0",
        "--target-vllm=0.32.0",
        "--target-vllm=0.33.0",
        "--",
        nasty,
        "--help.py",
        "good.py",
    ]
    for name in ("format", "target_vllm", "args", "sarif_file"):
        check(repo, program, **{name: "$(touch pwned)`touch pwned`"})
    assert not list(repo.rglob("pwned"))


def test_a_release_is_installed_from_the_index_and_else_the_actions_own_code(
    repo: Path, tmp_path: Path
) -> None:
    """A Python in its place writes down what it was asked for."""
    python = tmp_path / "python"
    python.write_text(
        '#!/usr/bin/env bash\nprintf "%s\\n" "$*" >> "$RUNNER_TEMP/asked"\n'
        'mkdir -p "$3/bin" && cp "$0" "$3/bin/python"\n'
    )
    python.chmod(0o755)
    context = {"steps.python.outputs.python-path": str(python)}
    for inputs in ({"version": "1.2; touch pwned"}, {"install-from": "a b.whl"}, {}):
        job = run_steps(repo, tmp_path, inputs, ("install",), context, {})
        assert job.code == 0, job.log
    asked = [line for line in (tmp_path / "asked").read_text().splitlines() if " pip " in line]
    assert [line.split(" -- ")[1] for line in asked] == [
        "mmport==1.2; touch pwned",
        "a b.whl",
        str(ROOT),
    ]
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.full(reason="builds and installs mmport into an environment of its own")
def test_the_steps_with_a_wheel(repo: Path, tmp_path: Path, distributions: dict[str, Path]) -> None:
    """Dependencies are those of this environment, so that no network is asked."""
    home = tmp_path / "python"
    venv.create(home, with_pip=True)
    inputs = {"install-from": str(distributions["wheel"]), "paths": "good.py"}
    context = {"steps.python.outputs.python-path": str(home / "bin" / "python")}
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1"}
    job = run_steps(repo, tmp_path, inputs, ("install",), context, offline)
    assert (job.code, job.log) == (0, "")
    installed = tmp_path / "mmport-check" / "bin" / "mmport"
    assert (tmp_path / "install.out").read_text() == f"mmport={installed}\n"
    # What mmport imports is here; mmport itself is what was installed there.
    libraries = {"PYTHONPATH": sysconfig.get_path("purelib")}
    context = {"steps.install.outputs.mmport": str(installed)}
    job = run_steps(repo, tmp_path, inputs, ("check",), context, libraries)
    assert (job.code, job.log) == (0, "1 file checked: no errors\n")
