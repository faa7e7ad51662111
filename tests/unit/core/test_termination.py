"""A program that is told to end cleans up first."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mmport.core.termination import termination_raises

PROGRAM = """
import signal, sys, time
from pathlib import Path
from mmport.cli.app import app, main
from mmport.core.files import staged_folder
# Whoever runs the tests in the background may have had it ignored.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

@app.command("slow")
def slow(folder: Path) -> None:
    with staged_folder(folder) as stage:
        (stage / "half").write_text("written")
        print("ready", flush=True)
        time.sleep(60)

main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_command_that_is_ended_leaves_nothing_half_written(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "slow", str(tmp_path / "port")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    assert [path.name.partition(".p")[0] for path in tmp_path.iterdir()] == [""]
    program.send_signal(number)
    _, err = program.communicate(timeout=30)
    assert (program.returncode, err) == (code, "")
    assert list(tmp_path.iterdir()) == []


def test_the_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as caught, termination_raises():
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with termination_raises():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_another_thread_is_left_alone() -> None:
    done: list[bool] = []

    def work() -> None:
        with termination_raises():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
