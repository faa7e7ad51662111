"""One job from its file to `result.json` or `error.json`."""

from __future__ import annotations

import ctypes
import faulthandler
import importlib
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

SUPERVISOR = "MMPORT_SUPERVISOR"
"""Environment variable with the process id of the supervisor."""

_PR_SET_PDEATHSIG = 1


class _Reporter:
    """Writes each phase as one JSON line, and remembers the last."""

    def __init__(self, path: Path) -> None:
        self.phase = "starting"
        self._path = path
        self._start = time.monotonic()

    def __call__(self, phase: str) -> None:
        self.phase = phase
        line = json.dumps({"phase": phase, "seconds": round(time.monotonic() - self._start, 3)})
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


def main(job_path: Path) -> NoReturn:
    """Be the worker of one job: die with the supervisor, and run what `job_path` describes."""
    faulthandler.enable()
    supervisor = os.environ.get(SUPERVISOR)
    die_with_parent(int(supervisor) if supervisor else None)
    perform(job_path)


def perform(job_path: Path) -> NoReturn:
    """Run the job described in `job_path` and end the process.

    The file holds `task` (a module of this package with a `run`), `out` (the
    folder for whatever it writes) and `payload`. The exit code is 0 with a
    `result.json`, 1 with an `error.json`. `SystemExit` of a task is let through.
    """
    job = json.loads(job_path.read_text(encoding="utf-8"))
    out = Path(job["out"])
    if job.get("timeout"):
        # Just before the supervisor loses patience, say in the log where it hangs.
        faulthandler.dump_traceback_later(max(job["timeout"] - 0.5, 0.1))
    report = _Reporter(out / "progress.jsonl")
    try:
        task = importlib.import_module(f"{__package__}.{job['task']}")
        result = task.run(job["payload"], out, report)
        write_json(out / "result.json", result)
    except Exception as error:
        traceback.print_exc()
        write_json(out / "error.json", _described(error, report.phase))
        _leave(1)
    _leave(0)


def die_with_parent(expected: int | None) -> None:
    """Have Linux kill this process when its parent is gone; elsewhere do nothing.

    Args:
        expected: the parent's process id, where it is known: should it be gone
            by now, the process ends here.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if expected is not None and os.getppid() != expected:
        os._exit(1)  # it was gone before we asked


def _described(error: Exception, phase: str) -> dict[str, str]:
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = f"{kind.__module__}.{name}"
    return {
        "phase": phase,
        "type": name,
        "message": str(error),
        "traceback": "".join(traceback.format_exception(error)),
    }


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document whole: who finds it can read it."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(json.dumps(value), encoding="utf-8")
    temporary.replace(path)


def _leave(code: int) -> NoReturn:
    """End without the interpreter's teardown, in which an engine can hang.

    All that matters is on disk by now, and the supervisor ends whatever
    processes the engine left behind.
    """
    faulthandler.cancel_dump_traceback_later()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
