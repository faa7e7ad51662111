"""A process that has imported an engine once, and becomes the worker of any job by forking.

It is itself the worker of a job, whose payload holds `imports` (module names)
and `connection` (the number of an open socket to the supervisor). On that
socket goes one JSON object a line:

    supervisor: {"fork": {"job": path, "log": path, "environment": {…}}}
                {"reap": pid}
    this side:  {"ready": pid}, once all is imported
                {"forked": pid, "job": path}, when the child leads a session of its own
                {"ended": pid, "code": as `subprocess` has it}, until it is reaped a zombie
                {"reaped": pid}

The end of the connection ends this process, and the children with it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from . import runner

_POLL_SECONDS = 0.02

Report = Callable[[str], None]
Message = dict[str, Any]


def run(payload: dict[str, Any], out: Path, report: Report) -> dict[str, Any]:
    """Import, and serve until the supervisor closes the connection."""
    for name in payload["imports"]:
        report(f"importing {name}")
        importlib.import_module(name)
    if threading.active_count() > 1:
        # A thread does not survive a fork, and a lock that it held stays locked.
        print(f"threads run that no child will have: {threading.enumerate()}", file=sys.stderr)
    gc.collect()
    gc.freeze()  # the collector would otherwise touch, and so copy, every page in each child
    report("serving")
    _Zygote(socket.socket(fileno=payload["connection"])).serve()
    return {}


class _Zygote:
    """This process, as long as it serves."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._me = os.getpid()
        self._running: set[int] = set()
        self._ended: set[int] = set()

    def serve(self) -> None:
        """Do as the supervisor asks; when it is gone, end every child."""
        self._send({"ready": self._me})
        rest = b""
        while True:
            wait = _POLL_SECONDS if self._running else None
            readable, _, _ = select.select([self._connection], [], [], wait)
            if readable:
                received = self._connection.recv(65536)
                if not received:
                    break
                *lines, rest = (rest + received).split(b"\n")
                for line in lines:
                    self._answer(json.loads(line))
            self._tell_ended()
        self._end_all()

    def _answer(self, message: Message) -> None:
        if "fork" in message:
            self._fork(message["fork"])
            return
        pid = message["reap"]
        if pid in self._running | self._ended:
            os.waitpid(pid, 0)
            self._running.discard(pid)
            self._ended.discard(pid)
        self._send({"reaped": pid})

    def _fork(self, request: Message) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        leads, told = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become_worker(request, told)
        os.close(told)
        # Only when the child leads its group can the group be ended.
        os.read(leads, 1)
        os.close(leads)
        self._running.add(pid)
        self._send({"forked": pid, "job": request["job"]})

    def _become_worker(self, request: Message, told: int) -> NoReturn:
        """Be what a fresh process would be, but for what is imported already."""
        code = 1
        try:
            os.setsid()
            os.write(told, b".")
            os.close(told)
            self._connection.close()
            _redirect(request["log"])
            runner.die_with_parent(self._me)
            _adopt(request["environment"])
            runner.perform(Path(request["job"]))
        except SystemExit as leaving:
            code = _exit_code(leaving)
        except BaseException:
            traceback.print_exc()
        finally:
            # Nothing of the zygote's frames below may run in a child.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _tell_ended(self) -> None:
        for pid in sorted(self._running):
            state = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if state is not None:
                exited = state.si_code == os.CLD_EXITED
                self._running.discard(pid)
                self._ended.add(pid)
                self._send({"ended": pid, "code": state.si_status * (1 if exited else -1)})

    def _end_all(self) -> None:
        for pid in self._running | self._ended:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def _send(self, message: Message) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # the next read says so, too
            self._connection.sendall(json.dumps(message).encode() + b"\n")


def _redirect(log: str) -> None:
    """Read from nothing, and write both streams to the log."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    for opened, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(opened, number)
    os.close(nothing)
    os.close(output)


def _adopt(environment: dict[str, str]) -> None:
    """Take on a job's environment, and do what Python would have done with it at its start."""
    os.environ.update(environment)
    folders = [entry for entry in environment.get("PYTHONPATH", "").split(os.pathsep) if entry]
    sys.path[:0] = folders
    if "PYTHONPYCACHEPREFIX" in environment:
        sys.pycache_prefix = environment["PYTHONPYCACHEPREFIX"]


def _exit_code(leaving: SystemExit) -> int:
    if leaving.code is None:
        return 0
    if isinstance(leaving.code, int):
        return leaving.code
    print(leaving.code, file=sys.stderr)
    return 1
