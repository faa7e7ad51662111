"""Times the rules of `mmport check` over all model files of a release, beside their parsers.

    .venv/bin/python benchmarks/check_speed.py FOLDER [--target 0.32.0] [--runs 3]

FOLDER holds the model files: `vllm/model_executor/models` of a release. All are read
first. In one process, in turns: `ast.parse` alone, a bare LibCST parse and print, and
the rules; then `mmport check` as a whole program in one process and in two. The ratios
count; nothing is asserted. Memory is the peak over all files, and over a tenth of them.
"""

from __future__ import annotations

import argparse
import ast
import resource
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import libcst
from ratios import in_turns, print_ratios

from mmport.gate.api.check import check_source

Files = dict[Path, str]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", default="0.32.0")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    files = {path: path.read_text("utf-8") for path in sorted(options.folder.rglob("*.py"))}
    if options.peak:
        some = dict(list(files.items())[:: options.peak])
        check(some, options.target)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return
    lines = sum(text.count("\n") for text in files.values())
    print(f"{len(files)} files, {lines} lines, against vLLM {options.target}")
    check(dict(list(files.items())[:1]), options.target)  # reads the catalog's first parts
    ways: dict[str, Callable[[], object]] = {
        "ast.parse": lambda: [ast.parse(text) for text in files.values()],
        "LibCST parse and print": lambda: [libcst.parse_module(t).code for t in files.values()],
        "the rules": lambda: check(files, options.target),
    }
    print_ratios(in_turns(ways, options.runs), "LibCST parse and print")
    command = [sys.executable, "-m", "mmport", "check", str(options.folder)]
    command += ["--target-vllm", options.target, "--jobs"]
    run = partial(subprocess.run, capture_output=True, check=False)
    whole = {f"mmport check --jobs {jobs}": partial(run, [*command, jobs]) for jobs in "12"}
    print_ratios(in_turns(whole, options.runs), "mmport check --jobs 1")
    for share in (10, 1):
        command = [sys.executable, __file__, str(options.folder), "--peak", str(share)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"peak memory, {len(files) // share} files: {done.stdout.strip()} MiB")


def check(files: Files, target: str) -> int:
    """Run all rules over all files."""
    return sum(1 for path, text in files.items() for _ in check_source(path, text, (target,)))


if __name__ == "__main__":
    main()
