"""Migrates model files in one leap and release by release: both have to come to the same.

    .venv/bin/python benchmarks/migrate_steps.py --sources DIR [--releases 0.11.2 0.14.1]

The files are those of `migrate_corpus.py`. Named are those that differ, with what differs.
"""

from __future__ import annotations

import argparse
import difflib
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

from migrate_corpus import TARGET, copied, model_files

from mmport.vllm_api.store import places
from mmport.workflows.migrating import FileTask, migrate_file

STEPS = (
    *("0.8.5", "0.9.2", "0.10.2", "0.11.2", "0.12.0", "0.14.1", "0.16.0", "0.18.1"),
    *("0.21.0", "0.24.0", "0.26.0", "0.28.0", "0.29.0", "0.30.0", "0.31.0", TARGET),
)
"""The releases between which a file is carried."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, required=True, metavar="DIR")
    parser.add_argument("--releases", nargs="*", default=("0.11.2", "0.14.1"), metavar="V")
    parser.add_argument("--jobs", type=int, default=1, metavar="N")
    options = parser.parse_args()
    for release in options.releases:
        with tempfile.TemporaryDirectory() as scratch, ProcessPoolExecutor(options.jobs) as pool:
            files = [copied(file, Path(scratch)) for file in model_files(options.sources, release)]
            found = list(pool.map(partial(difference, release=release), files))
        equal = sum(not lines for lines in found)
        print(f"{release}: {equal} of {len(files)} files equal")
        for file, lines in zip(files, found, strict=True):
            if lines:
                print(f"  {file.name}: {len(lines)} lines differ", *lines[:6], sep="\n    ")


def difference(file: Path, release: str) -> list[str]:
    """Give the lines in which a leap and the steps come to something else."""
    text = file.read_text("utf-8")
    leap = _carried(file, (release, TARGET))
    file.write_text(text, encoding="utf-8")
    steps = [one for one in STEPS if places()[one] > places()[release]]
    walked = _carried(file, (release, *steps))
    both = difflib.unified_diff(leap.splitlines(), walked.splitlines(), "leap", "steps", n=0)
    return [line for line in both if line[:1] in "+-" and line[:3] not in ("---", "+++")]


def _carried(file: Path, releases: Sequence[str]) -> str:
    for origin, target in pairwise(releases):
        migrate_file(FileTask(file, target, origin, write=True))
    return file.read_text("utf-8")


if __name__ == "__main__":
    main()
