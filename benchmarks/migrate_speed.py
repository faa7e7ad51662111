"""Times `mmport migrate` over all model files of a release, beside a bare LibCST parse and print.

    .venv/bin/python benchmarks/migrate_speed.py --own FOLDER --old FOLDER --from 0.11.2

FOLDERs hold model files: `vllm/model_executor/models` of the target's release, which need
nothing, and of an older one, which go through the whole chain. All in one process, in turns,
nothing is written. The release of the target's own files is found out, as for a user who
does not name it. The ratios count; nothing is asserted. Memory is the peak after all files,
and after a tenth of them.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import libcst
from ratios import in_turns, print_ratios

from mmport.workflows.migrating import FileTask, migrate_file

BARE = "LibCST parse and print"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--own", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--old", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--from", dest="origin", required=True, metavar="V")
    parser.add_argument("--to", default="0.32.0", metavar="V")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    old = [FileTask(path, options.to, options.origin) for path in modules(options.old)]
    if options.peak:
        migrate(old[:: options.peak])
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return
    changed = [task for task in old if migrate_file(task).would_change]
    own = [FileTask(path, options.to) for path in modules(options.own)]
    own = [task for task in own if not migrate_file(task).would_change]
    for title, tasks in (("need nothing", own), ("go through the chain", changed)):
        print(f"{len(tasks)} files that {title}")
        texts = [task.path.read_text("utf-8") for task in tasks]
        ways: dict[str, Callable[[], object]] = {
            BARE: partial(parse_and_print, texts),
            "mmport migrate": partial(migrate, tasks),
        }
        print_ratios(in_turns(ways, options.runs), BARE)
    for share in (10, 1):
        command = [sys.executable, *sys.argv, "--peak", str(share)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        print(f"peak memory, {len(old) // share} files: {done.stdout.strip()} MiB")


def modules(folder: Path) -> list[Path]:
    """List the model files of a folder."""
    return [path for path in sorted(folder.rglob("*.py")) if path.name != "__init__.py"]


def parse_and_print(texts: list[str]) -> int:
    """Do no more than parse and print with LibCST."""
    return sum(len(libcst.parse_module(text).code) for text in texts)


def migrate(tasks: list[FileTask]) -> int:
    """Migrate all, without writing; give how many would change."""
    return sum(migrate_file(task).would_change for task in tasks)


if __name__ == "__main__":
    main()
