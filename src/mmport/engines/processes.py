"""Process groups: started apart, ended whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mmport.core.errors import EngineMissing, TargetUnwritable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

SUPERVISOR = "MMPORT_SUPERVISOR"
_NOT_PASSED_ON = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "VIRTUAL_ENV"})
_GRACE_SECONDS = 2.0
_KILL_SECONDS = 5.0


class Process(Protocol):
    """A process that leads a session and a process group of its own."""

    @property
    def pid(self) -> int:
        """Its number, which is its group's as well."""

    @property
    def returncode(self) -> int | None:
        """As `subprocess` has it: negative for a signal; None until it is reaped."""

    def has_ended(self) -> bool:
        """Tell whether it has ended, leaving it unreaped where that is possible.

        As long as it is not reaped, its group's number cannot be given to
        another, so the group can safely be signalled.
        """

    def reap(self, seconds: float) -> None:
        """Wait for its end, at most so long, and let its number go."""


class ChildProcess:
    """A process that we started ourselves."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen

    @property
    def pid(self) -> int:
        """Its number, which is its group's as well."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """As `subprocess` has it; None until it is reaped."""
        return self._popen.returncode

    def has_ended(self) -> bool:
        """Tell whether it has ended; on Linux it stays unreaped."""
        if self._popen.returncode is not None:
            return True
        if sys.platform == "linux":
            options = os.WEXITED | os.WNOHANG | os.WNOWAIT
            return os.waitid(os.P_PID, self._popen.pid, options) is not None
        return self._popen.poll() is not None

    def reap(self, seconds: float) -> None:
        """Wait for its end, at most so long, and let its number go."""
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(seconds)


def passed_on() -> dict[str, str]:
    """Give this process's environment without what would bend another Python's search path."""
    return {key: value for key, value in os.environ.items() if key not in _NOT_PASSED_ON}


def start(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    *,
    pass_fds: Collection[int] = (),
) -> ChildProcess:
    """Start a command in a session of its own, its output going to `log`.

    It inherits `passed_on()`, with `environment` added, and the open files
    `pass_fds`.

    Raises:
        EngineMissing: the program cannot be started.
        TargetUnwritable: the log cannot be written.
    """
    try:
        stream = log.open("wb")
    except OSError as error:
        raise TargetUnwritable(
            f"{log} cannot be written: {error.strerror}", "mend the folder's permissions"
        ) from error
    with stream:
        try:
            popen = subprocess.Popen(  # noqa: S603 - our own worker, in a Python that the user named
                list(command),
                env={**passed_on(), SUPERVISOR: str(os.getpid()), **environment},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=tuple(pass_fds),
            )
        except OSError as error:
            raise EngineMissing(
                f"{command[0]} cannot be started: {error.strerror}",
                "give the Python of an engine environment with --vllm-python or --hf-python",
            ) from error
    return ChildProcess(popen)


def end_groups(running: Sequence[Process]) -> None:
    """End every process of the groups: ask, wait a little, kill. Reaps the leaders.

    However this is left, by an interrupt too, the kill is sent.
    """
    groups = [process.pid for process in running]
    try:
        for group in groups:
            _signal(group, signal.SIGTERM)
        _wait_until_gone(groups, _GRACE_SECONDS)
    finally:
        for group in groups:
            _signal(group, signal.SIGKILL)
        for process in running:
            process.reap(_KILL_SECONDS)
        _wait_until_gone(groups, _KILL_SECONDS)


def is_alive(group: int) -> bool:
    """Tell whether a process group has a member that is not a zombie."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    proc = Path("/proc")
    if not (proc / "self" / "stat").exists():
        return True
    return any(_is_running_member(entry, group) for entry in proc.glob("[0-9]*/stat"))


def _is_running_member(stat: Path, group: int) -> bool:
    try:
        # The name, in parentheses, may hold anything; state, parent and group follow it.
        state, _, of_group = stat.read_text(errors="replace").rpartition(")")[2].split()[:3]
    except OSError:
        return False
    return int(of_group) == group and state not in "ZX"


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _wait_until_gone(groups: Sequence[int], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(is_alive(group) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.02)
