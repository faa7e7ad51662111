"""What a log of a dead worker says in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.engines.postmortem import is_memory_error, last_line


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("a\nb\n\n", "b"),
        ("Traceback:\n  File x\nValueError: no\nbye\n", "ValueError: no"),
        ("x\n\x1b[31mtorch.OutOfMemoryError: much\x1b[0m\n", "torch.OutOfMemoryError: much"),
        (
            "Fatal Python error: Segmentation fault\n\nCurrent thread 0x1 (most recent):\n"
            '  File "a", line 1\n\nExtension modules: a, b\n',
            "Fatal Python error: Segmentation fault",
        ),
        ("10%\r20%\rdone\n", "done"),
        ("", ""),
        ("x" * 1000, "x" * 300),
    ],
)
def test_last_line(tmp_path: Path, log: str, line: str) -> None:
    (tmp_path / "log").write_text(log)
    assert last_line(tmp_path / "log") == line


def test_no_log(tmp_path: Path) -> None:
    assert last_line(tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        ("MemoryError", "", True),
        ("torch.OutOfMemoryError", "CUDA out of memory", True),
        ("RuntimeError", "DefaultCPUAllocator: can't allocate memory: you tried", True),
        ("ValueError", "memory", False),
    ],
)
def test_memory_errors(kind: str, message: str, expected: bool) -> None:
    assert is_memory_error(kind, message) is expected
