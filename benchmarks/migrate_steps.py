"""Migrates model files in one leap and release by release: both have to come to the same.

    .venv/bin/python benchmarks/migrate_steps.py --sources DIR [--releases 0.11.2 0.14.1]

The files are those of `migrate_corpus.py`; the steps are all releases that the catalog knows
between. Named are those that differ, with what differs, and those that a second leap changes.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

from migrate_corpus import TARGET, model_files

from mmport.codemods.migrate.reading import Reading
from mmport.codemods.migrate.run import migrate_text
from mmport.usage.module_name import module_name
from mmport.usage.parsing import parsed
from mmport.vllm_api.store import places, releases


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, required=True, metavar="DIR")
    parser.add_argument("--releases", nargs="*", default=("0.11.2", "0.14.1"), metavar="V")
    parser.add_argument("--jobs", type=int, default=1, metavar="N")
    options = parser.parse_args()
    for release in options.releases:
        files = model_files(options.sources, release)
        with ProcessPoolExecutor(options.jobs) as pool:
            found = list(pool.map(partial(difference, release=release), files))
        equal = sum(not lines for lines, _ in found)
        unsettled = [
            file.name for file, (_, settled) in zip(files, found, strict=True) if not settled
        ]
        print(f"{release}: {equal} of {len(files)} files equal, a second leap changes", end=" ")
        print(", ".join(unsettled) or "none")
        for file, (lines, _) in zip(files, found, strict=True):
            if lines:
                print(f"  {file.name}: {len(lines)} lines differ", *lines[:6], sep="\n    ")


def difference(file: Path, release: str) -> tuple[list[str], bool]:
    """Give the lines in which a leap and the steps come to something else, and if a leap stays."""
    text = file.read_text("utf-8")
    leap = _carried(text, file, (release, TARGET))
    settled = _carried(leap, file, (release, TARGET)) == leap
    walked = _carried(text, file, releases()[places()[release] : places()[TARGET] + 1])
    both = difflib.unified_diff(leap.splitlines(), walked.splitlines(), "leap", "steps", n=0)
    lines = [line for line in both if line[:1] in "+-" and line[:3] not in ("---", "+++")]
    return lines, settled


def _carried(text: str, file: Path, through: Sequence[str]) -> str:
    """Carry a file's text through releases, as if it had been copied out of vLLM."""
    for origin, target in pairwise(through):
        module = module_name(Path(file.name), parsed(text))
        text = migrate_text(Reading(text, module, origin, target)).text
    return text


if __name__ == "__main__":
    main()
