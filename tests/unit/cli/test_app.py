from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from mmport import __version__
from mmport.cli import app as program
from mmport.cli.options import Debug
from mmport.core.errors import EditedFiles, MmportError, ModelNotFound, UnknownTarget
from tests.conftest import RunMmport

COMMANDS = ("inspect", "scaffold", "verify", "check", "accept", "doctor", "demo")
HEAVY = (
    "huggingface_hub",
    "jinja2",
    "libcst",
    "msgspec",
    "numpy",
    "safetensors",
    "torch",
    "transformers",
    "vllm",
)
HELP_OF_ALL = """
import json, sys
from typer.testing import CliRunner
from mmport.cli.app import app
for arguments in ([], *([name] for name in sys.argv[1:])):
    assert CliRunner().invoke(app, [*arguments, "--help"]).exit_code == 0, arguments
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def run_raising(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, *, debug: bool = False
) -> object:
    """Run the program with a command that raises `error`; give its exit code."""

    def fail() -> None:
        raise error

    commands = program.app.registered_commands
    monkeypatch.setattr(program.app, "registered_commands", list(commands))
    program.app.command("fail")(fail)
    monkeypatch.setattr(sys, "argv", ["mmport", *(["--debug"] if debug else []), "fail"])
    monkeypatch.setattr(Debug, "on", False)
    with pytest.raises(SystemExit) as caught:
        program.main()
    return caught.value.code


@pytest.mark.parametrize(
    ("kind", "code"),
    [(EditedFiles, 1), (UnknownTarget, 2), (ModelNotFound, 3), (MmportError, 3)],
)
def test_a_known_failure_is_two_lines_and_its_exit_code(
    kind: type[MmportError],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = kind("no such\n\x1b[31mthing", "make one")
    assert run_raising(error, monkeypatch) == code
    assert capsys.readouterr() == (
        "",
        "mmport: no such \N{REPLACEMENT CHARACTER}[31mthing\n  what to do: make one\n",
    )


def test_debug_adds_the_traceback_and_keeps_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_raising(ModelNotFound("none", "make one"), monkeypatch, debug=True) == 3
    _, err = capsys.readouterr()
    assert err.startswith("Traceback (most recent call last):")
    assert "in fail" in err
    assert err.endswith("mmport: none\n  what to do: make one\n")


def test_debug_shows_what_a_worker_said_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = MmportError("no", "yes", details="Traceback of the worker:\n  File x\n")
    assert run_raising(error, monkeypatch, debug=True) == 3
    assert "\nTraceback of the worker:\n  File x\nmmport: no\n" in capsys.readouterr().err
    run_raising(error, monkeypatch)
    assert "Traceback of the worker" not in capsys.readouterr().err


def test_an_unforeseen_error_is_not_taken_for_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_raising(KeyError("layers"), monkeypatch) == 3
    _, err = capsys.readouterr()
    assert err.splitlines()[0] == "mmport: internal error: KeyError: 'layers'"
    assert "--debug" in err.splitlines()[1]
    assert "Traceback" not in err


def test_an_interrupt_is_not_taken_for_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_raising(KeyboardInterrupt(), monkeypatch) == 130


def test_version(run_mmport: RunMmport) -> None:
    done = run_mmport("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"mmport {__version__}\n", "")


def test_help_names_every_command(run_mmport: RunMmport) -> None:
    done = run_mmport("--help")
    assert done.returncode == 0
    assert [name for name in COMMANDS if f"│ {name} " not in done.stdout] == []


@pytest.mark.parametrize("arguments", [("nonsense",), ("--nonsense",), ("inspect", "--nonsense")])
def test_usage_errors_end_with_two(run_mmport: RunMmport, arguments: tuple[str, ...]) -> None:
    done = run_mmport(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_help_page_loads_a_heavy_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP_OF_ALL, *COMMANDS],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert "typer" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_a_reader_that_goes_away_is_not_a_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "mmport", "--help"],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writer)
    assert done.stderr == ""
