"""Measures `mmport migrate` on model files that nobody here wrote: vLLM's own of old releases.

    MMPORT_VLLM_PYTHON=… .venv/bin/python benchmarks/migrate_corpus.py --sources DIR [-o PAGE.md]

Each vision-language file of a release, by itself as if it had been copied out of vLLM, is
migrated to the release of the engine. Told is how many still parse, import into that engine,
have no error by `mmport check`, and stay as they are in a second run; and of each that
does not import or pass, why. Nothing is edited by hand.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mmport.core.markdown import code_span, table
from mmport.model.finding import Severity
from mmport.vllm_api.fetch import fetch_source
from mmport.workflows.migrating import FileTask, migrate_file

RELEASES = (
    *("0.6.3.post1", "0.8.4", "0.9.2", "0.10.2", "0.11.2", "0.14.1", "0.18.1"),
    *("0.24.0", "0.28.0", "0.30.0"),
)
REGISTRATION = re.compile(
    r"^@MULTIMODAL_REGISTRY\.(register_processor|register_image_input_mapper|register_input_mapper)",
    re.MULTILINE,
)
WORKER = Path(__file__).with_name("import_files.py")
TARGET = "0.32.0"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file; `imports` is the error of its import, empty if there is none."""

    name: str
    parses: bool
    settled: bool
    errors: tuple[str, ...]
    imports: str = ""
    detected: str = ""


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, required=True, metavar="DIR")
    parser.add_argument("--releases", nargs="*", default=RELEASES, metavar="V")
    parser.add_argument("--jobs", type=int, default=1, metavar="N")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the migrated files here")
    parser.add_argument("-o", "--output", type=Path, metavar="PAGE.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.keep or Path(scratch)
        board = {one: measure(options.sources, one, work, options.jobs) for one in options.releases}
    page = "\n".join([HEAD, *summary(board), *reasons(board)])
    print(page)
    if options.output:
        options.output.write_text(page, encoding="utf-8")


HEAD = f"""# Board of migrated model files

Vision-language files of old vLLM releases (those that register a processor, or the mappers
of before), each migrated by itself to {TARGET} with `--from` their release, by nothing but
`mmport migrate`. Written by `benchmarks/migrate_corpus.py`.

*Imports*: into an engine of {TARGET}. *Passes*: no error by `mmport check`. *Settled*: a
second run changes nothing.
"""


def measure(sources: Path, release: str, work: Path, jobs: int) -> list[Outcome]:
    """Migrate the files of a release, and see what they are worth."""
    files = [copied(file, work / release) for file in model_files(sources, release)]
    with ProcessPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(_migrated, files, [release] * len(files)))
    errors = _import_errors(files)
    return [
        Outcome(one.name, one.parses, one.settled, one.errors, errors.get(file, ""))
        for file, one in zip(files, outcomes, strict=True)
    ]


def model_files(sources: Path, release: str) -> list[Path]:
    """List the vision-language files of a release; its source is fetched if need be."""
    root = sources / release
    if not root.is_dir():
        fetch_source(release, root)
    models = sorted((root / "vllm" / "model_executor" / "models").glob("*.py"))
    return [file for file in models if REGISTRATION.search(file.read_text("utf-8"))]


def copied(file: Path, folder: Path) -> Path:
    """Put a file where none of its neighbours lies beside it."""
    copy = folder / file.stem / file.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, copy)
    return copy


def _migrated(file: Path, release: str) -> Outcome:
    task = FileTask(file, TARGET, release, write=True)
    first = migrate_file(task)
    second = migrate_file(task)
    try:
        ast.parse(file.read_text("utf-8"))
        parses = True
    except SyntaxError:
        parses = False
    errors = tuple(
        f"{one.rule}: {one.message}" for one in first.findings if one.severity is Severity.ERROR
    )
    return Outcome(file.stem, parses, not second.would_change, errors)


def _import_errors(files: Sequence[Path]) -> dict[Path, str]:
    python = os.environ["MMPORT_VLLM_PYTHON"]
    run = [python, str(WORKER), *map(str, files)]
    done = subprocess.run(run, check=True, capture_output=True, text=True)
    told = json.loads(done.stdout)
    return {Path(file): short_error(one["error"]) for file, one in told.items() if one["error"]}


def short_error(error: str) -> str:
    """Leave out where the engine lies."""
    return re.sub(r" \(/[^)]*\)", "", error)


def summary(board: dict[str, list[Outcome]]) -> Iterator[str]:
    """Tell how many files of each release made it."""
    rows = [
        [
            release,
            str(len(files)),
            *(
                _share(sum(kept), len(files))
                for kept in (
                    [one.parses for one in files],
                    [not one.imports for one in files],
                    [not one.errors for one in files],
                    [one.settled for one in files],
                )
            ),
        ]
        for release, files in board.items()
    ]
    header = ["From", "Files", "Parse", "Import", "Pass `check`", "Settled"]
    yield table(header, rows)


def _share(count: int, of: int) -> str:
    return f"{count} ({count / of:.0%})" if of else "0"


def reasons(board: dict[str, list[Outcome]]) -> Iterator[str]:
    """Tell of each file that is left why."""
    for release, files in board.items():
        left = [one for one in files if one.imports or one.errors]
        if left:
            yield f"\n## What is left of {release}\n"
            rows = [
                [code_span(f"{one.name}.py"), "no" if one.imports else "yes", _reason(one)]
                for one in left
            ]
            yield table(["File", "Imports", "Why"], rows)


def _reason(one: Outcome) -> str:
    told = [one.imports] if one.imports else []
    told += [error for error in one.errors if not one.imports][:2]
    return "; ".join(text.replace("|", "\\|") for text in told)


if __name__ == "__main__":
    main()
