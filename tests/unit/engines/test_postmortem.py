"""What a log of a dead worker says in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.engines.postmortem import died, is_memory_error, last_line, out_of_memory


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
        (
            "ValueError",
            "Free memory on device cuda:0 (1.2/79.1 GiB) on startup is less than desired GPU"
            " memory utilization (0.9, 71.2 GiB). Decrease GPU memory utilization",
            True,
        ),
        (
            "ValueError",
            "Free memory on device cuda:0 (9.0/79.1 GiB) on startup is less than the engine's"
            " budget after excluding external process's weights",
            True,
        ),
        ("ValueError", "No available memory for the cache blocks. Try increasing", True),
        (
            "ValueError",
            "To serve at least one request with the model's max seq len (4096), (2.0 GiB KV cache"
            " is needed, which is larger than the available KV cache memory (0.5 GiB).",
            True,
        ),
        ("RuntimeError", "Failed to load model - not enough GPU memory. Try lowering", True),
        ("ValueError", "larger than the available vocabulary", False),
    ],
)
def test_memory_errors(kind: str, message: str, expected: bool) -> None:
    assert is_memory_error(kind, message) is expected


def test_a_memory_failure_names_the_log_and_keeps_the_traceback(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    assert str(log) in died("worker one", -9, "warming up", log).hint
    told = out_of_memory("one", "warming up", "9 GiB", log, details="Traceback: there")
    assert str(log) in told.hint
    assert told.details == "Traceback: there"
