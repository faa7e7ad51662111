"""Why a worker is dead, told in one line."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

from mmport.core.errors import WorkerFailed, WorkerOutOfMemory

if TYPE_CHECKING:
    from pathlib import Path

_TAIL_BYTES = 64_000
_MEMORY_ERRORS = frozenset({"MemoryError", "OutOfMemoryError"})
_MEMORY_MESSAGES = re.compile(
    r"""can't\ allocate\ memory | CUDA\ out\ of\ memory
    # vLLM, which raises a plain ValueError or RuntimeError where memory is short.
    | Free\ memory\ on\ device\ .*?\ is\ less\ than
    | No\ available\ memory\ for\ the\ cache\ blocks
    | larger\ than\ the\ available\ KV\ cache\s+memory
    | not\ enough\ GPU\ memory
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TELLING = re.compile(r"^(?:[\w.]+(?:Error|Exception|Exit|Interrupt)\b|Fatal Python error)")
_NOISE = re.compile(r"^(?:\s|Extension modules:|(?:Current t|T)hread 0x|<no Python frame>)")
_MEMORY_HINT = "free memory or take a smaller model (--tiny), then run it again"


def is_memory_error(kind: str, message: str) -> bool:
    """Tell whether an exception of a worker is about memory."""
    if kind.rpartition(".")[2] in _MEMORY_ERRORS:
        return True
    return _MEMORY_MESSAGES.search(message) is not None


def out_of_memory(
    name: str, phase: str, message: str, log: Path, *, details: str = ""
) -> WorkerOutOfMemory:
    """Make the failure of a worker that reported a memory error itself.

    Args:
        name: the job's name.
        phase: the one in which it ran out of memory.
        message: the error's.
        log: the worker's output.
        details: the worker's traceback.
    """
    told = f": {message}" if message else ""
    return WorkerOutOfMemory(
        f"worker {name} ran out of memory while {phase}{told}",
        f"{_MEMORY_HINT}; the log is {log}",
        details=details,
    )


def died(who: str, code: int | None, phase: str, log: Path) -> WorkerFailed:
    """Make the failure of a process that ended without a word.

    Args:
        who: what it was, such as `worker reference`.
        code: None if nobody knows; else as `subprocess` has it: negative for a signal.
        phase: the last one that the worker reported.
        log: the worker's output.
    """
    if code == -signal.SIGKILL:
        return WorkerOutOfMemory(
            f"{who} was killed (SIGKILL) while {phase}, most likely for want of memory",
            f"{_MEMORY_HINT}; the log is {log}",
        )
    last = last_line(log)
    return WorkerFailed(
        f"{who} {_how(code)} while {phase}, without a result"
        + (f"; it said: {last}" if last else ""),
        f"see {log}; if it is the engine that fails, `mmport doctor` checks the environment",
    )


def last_line(log: Path) -> str:
    """Find the last line of a log that means something: an error if there is one."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = stream.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [_ESCAPES.sub("", line).rstrip() for line in re.split(r"[\r\n]+", text)]
    told = [line for line in lines if line and not _NOISE.match(line)]
    errors = [line for line in told if _TELLING.match(line)]
    found = (errors or told)[-1:]
    return found[0][:300] if found else ""


def _how(code: int | None) -> str:
    if code is None:
        return "is gone"
    return f"was ended by {_signal_name(-code)}" if code < 0 else f"left with exit code {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
