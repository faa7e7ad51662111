"""Times `mmport migrate --check` over all model files of a release, beside bare LibCST.

    .venv/bin/python benchmarks/migrate_speed.py FOLDER [--from V] [--target 0.32.0] [--runs 3]

FOLDER holds the model files: `vllm/model_executor/models` of a release. They are told apart
by whether a migration changes them. Of each kind, in one process, in turns: a bare LibCST
parse and print, and the migration of the same files, their reading and the rules on the
result included. The ratios count; nothing is asserted. Memory is the peak over all files,
and over a tenth of them.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import libcst

from mmport.vllm_api.catalog import DEFAULT_VERSION
from mmport.workflows.migrating import FileTask, migrate_file


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--from", dest="origin", default="", metavar="V")
    parser.add_argument("--target", default=DEFAULT_VERSION)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take one file of N")
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    files = sorted(options.folder.rglob("*.py"))[:: options.peak or options.every]
    tasks = [FileTask(path, options.target, options.origin) for path in files]
    if options.peak:
        migrate(tasks)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return
    changed = migrate(tasks)  # reads the catalog too
    still = [one for one, changes in zip(tasks, changed, strict=True) if not changes]
    moving = [one for one, changes in zip(tasks, changed, strict=True) if changes]
    print(f"{len(files)} files from {options.origin or 'what is found out'} to {options.target}")
    for kind, some in (("need nothing", still), ("are changed", moving)):
        if some:
            measure(kind, some, options.runs)
    for share in (10, 1):
        command = [sys.executable, __file__, str(options.folder), "--peak", str(share)]
        command += ["--from", options.origin, "--target", options.target]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"peak memory, one file of {share}: {done.stdout.strip()} MiB")


def migrate(tasks: Sequence[FileTask]) -> list[bool]:
    """Migrate without writing; tell of each file whether it would change."""
    return [migrate_file(task).would_change for task in tasks]


def printed(tasks: Sequence[FileTask]) -> None:
    """Parse and print with LibCST, and do nothing else."""
    for task in tasks:
        _ = libcst.parse_module(task.path.read_text("utf-8")).code


def measure(kind: str, tasks: Sequence[FileTask], runs: int) -> None:
    """Time both ways in turns, and print the median of the ratios of a pair."""
    ways = (lambda: printed(tasks), lambda: migrate(tasks))
    times = [(seconds(ways[0]), seconds(ways[1])) for _ in range(runs)]
    bare = statistics.median(one for one, _ in times)
    ratio = statistics.median(other / one for one, other in times)
    print(f"{len(tasks):4} files {kind:13} LibCST {bare:6.2f} s   migrate {ratio:5.2f} times that")


def seconds(way: Callable[[], object]) -> float:
    """Time one run, in seconds of this process: what else runs on the machine is not counted."""
    start = time.process_time()
    way()
    return time.process_time() - start


if __name__ == "__main__":
    main()
