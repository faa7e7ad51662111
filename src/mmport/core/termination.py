"""Being asked to end: cleaned up after as any other way out is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_NUMBERS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def termination_raises() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into `SystemExit(128 + number)`, so that cleanups run.

    A signal that is ignored, as SIGHUP is under nohup, stays ignored. Only the
    main thread may set handlers; in another one this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _NUMBERS}
    heard = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    try:
        for number in heard:
            signal.signal(number, _leave)
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
