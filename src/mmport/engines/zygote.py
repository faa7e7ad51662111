"""The supervisor's side of a process that forks workers (`workers/warm.py`)."""

from __future__ import annotations

import json
import select
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mmport.core.errors import EngineMissing, WorkerFailed, WorkerHung
from mmport.core.files import write_text
from mmport.engines import postmortem, processes

_LISTEN_SECONDS = 0.2
_ANSWER_SECONDS = 60.0
"""What a fork is given. The zygote does nothing else, so it takes milliseconds."""


class Zygote:
    """A process that has imported an engine and forks a child for each job.

    It can be used by several threads. On Linux it dies with the thread that
    made it, so that thread must outlive its use.

    Raises:
        EngineMissing: `python` cannot be started.
    """

    def __init__(
        self,
        python: Path,
        workers: Path,
        imports: Sequence[str],
        environment: Mapping[str, str],
        start_seconds: float,
    ) -> None:
        self._start_seconds = start_seconds
        self._folder = Path(tempfile.mkdtemp(prefix="mmport-warm-"))
        self._lock = threading.RLock()
        self._unread = b""
        self._ready = False
        self._lost = False
        self._closing = False
        self._forked: dict[str, int] = {}
        self._codes: dict[int, int] = {}
        self._reaped: set[int] = set()
        self._children: dict[int, Forked] = {}
        self._connection, theirs = socket.socketpair()
        path = self._folder / "job.json"
        payload = {"imports": list(imports), "connection": theirs.fileno()}
        description = {"task": "warm", "out": str(self._folder), "payload": payload}
        try:
            write_text(path, json.dumps(description))
            command = [str(python), str(workers), str(path)]
            self._process = processes.start(
                command, environment, self.log, pass_fds=[theirs.fileno()]
            )
        except BaseException:
            self._connection.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        finally:
            theirs.close()

    @property
    def log(self) -> Path:
        """What it and its imports have printed; kept if it died by itself."""
        return self._folder / "worker.log"

    @property
    def is_lost(self) -> bool:
        """Whether it has ended without being asked to, as far as is known without waiting."""
        if self._lock.acquire(blocking=False):
            try:
                self._read(0.0)
            finally:
                self._lock.release()
        return self._lost

    def stop_waiting(self) -> None:
        """Have every thread that waits for an answer fail at once."""
        self._closing = True

    def fork(self, job: Path, log: Path, environment: Mapping[str, str]) -> Forked:
        """Start a child that does the job described in a file.

        Raises:
            EngineMissing: the zygote could not import what it was to, or not in time.
            WorkerFailed: it has died.
            WorkerHung: it does not answer.
        """
        request = {"job": str(job), "log": str(log), "environment": dict(environment)}
        with self._lock:
            self._await_imports()
            self._send({"fork": request})
            self._await(lambda: request["job"] in self._forked, _ANSWER_SECONDS, "forking")
            child = Forked(self, self._forked.pop(str(job)))
            self._children[child.pid] = child
            return child

    def ended(self, pid: int) -> bool:
        """Tell whether a child has ended.

        Raises:
            WorkerFailed: the zygote has died, so nobody can tell any more.
        """
        with self._lock:
            if pid not in self._codes:
                self._read(0.0)
            if pid not in self._codes and self._lost:
                raise self._death()
            return pid in self._codes

    def code(self, pid: int) -> int | None:
        """The exit code of a child, negative for a signal; None if nobody knows."""
        return self._codes.get(pid)

    def reap(self, pid: int, seconds: float) -> None:
        """Let the number of a child go, which must be ending."""
        with self._lock:
            self._send({"reap": pid})
            with suppress(WorkerFailed):
                self._await(lambda: pid in self._reaped, seconds, "ending")
            self._children.pop(pid, None)

    def close(self) -> None:
        """End it and all its children. Its log is removed, unless it died by itself."""
        self.stop_waiting()
        with self._lock:
            died = self.is_lost
        try:
            processes.end_groups(list(self._children.values()))
        finally:
            self._connection.close()
            processes.end_groups([self._process])
        if not died:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _await_imports(self) -> None:
        try:
            self._await(lambda: self._ready, self._start_seconds, "importing")
        except WorkerFailed as error:
            # No job has had a part in it: it is the environment that does not work.
            raise EngineMissing(error.what, error.hint, details=error.details) from error

    def _await(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if self._closing:
                raise WorkerFailed("the warm process is being ended", "run the command again")
            if self._lost:
                raise self._death()
            left = deadline - time.monotonic()
            if left <= 0:
                raise WorkerHung(
                    f"the warm process did not answer within {seconds:g} s, {what}",
                    f"see where it hangs in {self.log}",
                )
            self._read(min(left, _LISTEN_SECONDS))

    def _read(self, seconds: float) -> None:
        """Take in what the zygote says, waiting so long for it to say something."""
        if self._lost or self._connection.fileno() < 0:
            self._lost = True
            return
        readable, _, _ = select.select([self._connection], [], [], seconds)
        while readable:
            try:
                received = self._connection.recv(65536)
            except ConnectionResetError:
                received = b""
            if not received:
                self._lost = True
                return
            *lines, self._unread = (self._unread + received).split(b"\n")
            for line in lines:
                self._take(json.loads(line))
            readable, _, _ = select.select([self._connection], [], [], 0.0)

    def _take(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self._ready = True
        elif "forked" in message:
            self._forked[message["job"]] = message["forked"]
        elif "ended" in message:
            self._codes[message["ended"]] = message["code"]
        else:
            self._reaped.add(message["reaped"])

    def _send(self, message: Mapping[str, object]) -> None:
        if self._connection.fileno() < 0:
            self._lost = True
            return
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            self._lost = True

    def _death(self) -> WorkerFailed:
        """Say why it is gone: what it could not import, or how it ended."""
        processes.end_groups([self._process])
        error = self._folder / "error.json"
        if not error.exists():
            code = self._process.returncode
            phase = "serving" if self._ready else "importing"
            return postmortem.died("the warm process", code, phase, self.log)
        found = json.loads(error.read_text(encoding="utf-8"))
        return WorkerFailed(
            f"the warm process failed, {found['phase']}: {found['type']}: {found['message']}",
            f"`mmport doctor` checks the environment; the log is {self.log}",
            details=found["traceback"],
        )


class Forked:
    """A worker that a zygote forked; it leads a session of its own."""

    def __init__(self, zygote: Zygote, pid: int) -> None:
        self._zygote = zygote
        self._pid = pid

    @property
    def pid(self) -> int:
        """Its number, which is its group's as well."""
        return self._pid

    @property
    def returncode(self) -> int | None:
        """As `subprocess` has it; None if its zygote died with it."""
        return self._zygote.code(self._pid)

    def has_ended(self) -> bool:
        """Tell whether it has ended; it stays unreaped.

        Raises:
            WorkerFailed: its zygote has died.
        """
        return self._zygote.ended(self._pid)

    def reap(self, seconds: float) -> None:
        """Wait for its end, at most so long, and let its number go."""
        self._zygote.reap(self._pid, seconds)
