"""Tasks that behave badly: copied into a workers folder of the test's own."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Payload = dict[str, Any]


def run(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    report("warming up")
    behaviour: Callable[..., Payload] = globals()[payload["behaviour"]]
    return behaviour(payload, out, report)


def succeed(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    report("working")
    return {
        "echo": payload.get("echo"),
        "pid": os.getpid(),
        "group": os.getpgid(0),
        "path": sys.path,
        "environment": dict(os.environ),
        "stdin": sys.stdin.read(),
    }


def look(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    """What only a forked worker has, or may lose."""
    helper = importlib.import_module("helper")
    return {
        "parent": os.getppid(),
        "loaded": "colorsys" in sys.modules,
        "helper": helper.__name__,
        "cached": helper.__cached__,
    }


def take_a_while(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    begun = time.monotonic()
    time.sleep(0.3)
    return {"begun": begun, "ended": time.monotonic()}


def kill_parent(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    os.kill(os.getppid(), signal.SIGTERM)
    return hang(payload, out, report)


def talk(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    print("to stdout")
    print("to stderr", file=sys.stderr)
    return {}


def fail(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    report("multiplying")
    raise ValueError("shapes differ")


def exhaust_memory(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    raise MemoryError("cannot allocate 9 GiB")


def leave(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    print("RuntimeError: engine core initialisation failed")
    print("bye")
    sys.exit(payload.get("code", 0))


def be_killed(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def crash(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


def hang(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    _have_a_child(out)
    report("waiting for ever")
    time.sleep(600)
    return {}


def ignore_terminate(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return hang(payload, out, report)


def leave_a_child(payload: Payload, out: Path, report: Callable[[str], None]) -> Payload:
    return {"child": _have_a_child(out)}


def _have_a_child(out: Path) -> int:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (out / ".pids").write_text(f"{os.getpid()} {child.pid}")
    (out / ".pids").rename(out / "pids")
    return child.pid
