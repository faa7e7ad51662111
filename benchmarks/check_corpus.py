"""Measures `mmport check` on model files that nobody here wrote: vLLM's own of old releases.

    MMPORT_VLLM_PYTHON=… .venv/bin/python benchmarks/check_corpus.py --sources DIR [-o PAGE.md]

False alarms: every model file of a release, held against that release. Detection: the
multimodal files of old releases, held against the release of the engine, which is asked for
the truth: does the file import, and which of its hooks does no base have any more? Releases
that DIR lacks are fetched into it from the package index that uv is set up with.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmport.core.markdown import table
from mmport.gate.api.check import check_source
from mmport.model.finding import Finding, Severity
from mmport.usage.module_name import module_name
from mmport.usage.parsing import model_file, parsed
from mmport.usage.view import View
from mmport.vllm_api.fetch import fetch_source
from mmport.vllm_api.frame import is_frame
from mmport.vllm_api.surface.release import names_of

OWN = ("0.6.3.post1", "0.8.5", "0.10.2", "0.12.0", "0.16.0", "0.24.0", "0.32.0")
OLD = ("0.8.5", "0.9.2", "0.10.2", "0.11.2", "0.14.1", "0.18.1", "0.24.0", "0.28.0", "0.30.0")
BUMPS = (
    *(("0.9.1", "0.9.2"), ("0.10.2", "0.11.0"), ("0.11.0", "0.11.1"), ("0.13.0", "0.14.0")),
    *(("0.14.0", "0.15.0"), ("0.15.0", "0.16.0"), ("0.16.0", "0.17.0"), ("0.18.0", "0.19.0")),
    *(("0.28.0", "0.29.0"), ("0.30.0", "0.31.0")),
)
REGISTRATION = re.compile(r"register_processor|register_image_input_mapper|register_input_mapper")
FOREIGN = re.compile(r"(from|No module named) '(?!vllm)")
PLACE = re.compile(r" \((/|unknown location).*")
WORKER = Path(__file__).with_name("import_files.py")
ENGINE = "0.32.0"


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, required=True, metavar="DIR")
    parser.add_argument("-o", "--output", type=Path, metavar="PAGE.md")
    options = parser.parse_args()
    corpus = Corpus(options.sources)
    page = "\n".join([HEAD, *own_releases(corpus), *bumps(corpus), *detection(corpus)])
    print(page)
    if options.output:
        options.output.write_text(page, encoding="utf-8")


HEAD = """# `mmport check` on vLLM's own model files

Made by `benchmarks/check_corpus.py`; the files come from the releases themselves.
"""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Unpacked releases, one folder each."""

    folder: Path

    def files(self, release: str, *, multimodal: bool = False) -> list[Path]:
        """Give a release's model files, or those that register a processor."""
        root = self.folder / release
        if not root.is_dir():
            fetch_source(release, root)
        models = sorted((root / "vllm" / "model_executor" / "models").rglob("*.py"))
        return [
            file
            for file in models
            if not multimodal or REGISTRATION.search(file.read_text("utf-8"))
        ]


def found_in(file: Path, release: str) -> list[Finding]:
    """Hold a file against a release; give the errors."""
    findings = check_source(file, file.read_text("utf-8"), (release,))
    return [one for one in findings if one.severity is Severity.ERROR]


def own_releases(corpus: Corpus) -> Iterator[str]:
    """Every model file against the release that it was written for."""
    yield "## Files against their own release\n"
    rows, told = [], []
    for release in OWN:
        files = corpus.files(release)
        wrong = {file: found for file in files if (found := found_in(file, release))}
        rows.append([release, str(len(files)), str(len(wrong))])
        told += [
            f"- {release}, `{file.name}:{one.line}`, {one.rule}: {one.message}"
            for file, found in wrong.items()
            for one in found
        ]
    yield table(("release", "model files", "with an error"), rows) + "\n"
    yield "\n".join([*told, ""])


def bumps(corpus: Corpus) -> Iterator[str]:
    """Multimodal files of one release against the next that broke many."""
    yield "## Multimodal files against the release after\n"
    rows = []
    for old, new in BUMPS:
        files = corpus.files(old, multimodal=True)
        found = [found_in(file, new) for file in files]
        rules = Counter(one.rule for some in found for one in some)
        told = ", ".join(f"{name} {count}" for name, count in rules.most_common())
        rows.append([f"{old} to {new}", str(len(files)), str(sum(map(bool, found))), told])
    yield table(("releases", "files", "with an error", "errors by rule"), rows) + "\n"


@dataclass(frozen=True, slots=True)
class Truth:
    """What the engine says of a file: the error of its import, and hooks that are dead."""

    error: str | None
    dead: tuple[str, ...]

    @property
    def breaks(self) -> bool:
        """Tell whether the file is broken on the engine's release."""
        return bool(self.error or self.dead)


def detection(corpus: Corpus) -> Iterator[str]:
    """Multimodal files of old releases against the engine's, beside what the engine says."""
    yield f"## Multimodal files of old releases on vLLM {ENGINE}\n"
    yield (
        "*Breaks*: the engine does not import the file, or a class of it overrides a hook that "
        "its base had and has no more. *The cause named*: an error of the check names what the "
        "engine's error names; where that is another library, such as transformers, it is not "
        "vLLM's contract. *Only fail when run*: they import, their hooks are alive, and the check "
        "has an error, such as a hook with other parameters.\n"
    )
    rows, missed = [], []
    for release in OLD:
        files = corpus.files(release, multimodal=True)
        truths = ask_engine(files, release)
        found = {file: found_in(file, ENGINE) for file in files}
        breaks = [file for file in files if truths[file].breaks]
        failing = [file for file in files if truths[file].error]
        ours = [file for file in failing if not FOREIGN.search(truths[file].error or "")]
        caught = [file for file in breaks if found[file]]
        cause = [file for file in ours if names_cause(truths[file].error or "", found[file])]
        quiet = [file for file in files if not truths[file].breaks and found[file]]
        cells = (files, breaks, caught, failing, ours, cause, quiet)
        rows.append([release, *(str(len(some)) for some in cells)])
        missed += [
            f"- {release}, `{file.name}`: {truths[file].error or ', '.join(truths[file].dead)}"
            for file in breaks
            if not found[file] or (file in ours and file not in cause)
        ]
    imports = ("do not import", "because of vLLM", "of these the cause named")
    head = ("release", "files", "break", "of these found", *imports, "only fail when run")
    yield table(head, rows) + "\n"
    yield "\n".join(["Broken and not found, or by another cause:\n", *(missed or ["none"]), ""])


def ask_engine(files: Sequence[Path], release: str) -> dict[Path, Truth]:
    """Import files into the engine; a hook is one that the base has in the file's own release."""
    python = os.environ["MMPORT_VLLM_PYTHON"]
    command = [python, str(WORKER), *map(str, files)]
    quiet = os.environ | {"VLLM_LOGGING_LEVEL": "ERROR", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=quiet)
    said: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return {file: _truth(file, release, said[str(file)]) for file in files}


def _truth(file: Path, release: str, said: dict[str, Any]) -> Truth:
    text = file.read_text("utf-8")
    view = View(model_file(text, module_name(file, parsed(text))), names_of(release))
    dead = []
    for name, members in said["own"].items():
        item = view.file.classes.get(name)
        for member in members if item else ():
            inherited = item and view.inherited(item, member)
            if inherited and is_frame(inherited.owner.module):
                dead.append(f"{name}.{member}")
    error = said["error"]
    return Truth(error and PLACE.sub("", error), tuple(dead))


def names_cause(error: str, found: Sequence[Finding]) -> bool:
    """Tell whether an error of the check names what the engine's error names."""
    wanted = set(re.findall(r"'([\w.]+)'|(\w+)\(\)", error))
    names = {name.rpartition(".")[2] for pair in wanted for name in pair if name}
    return any(name in one.message for one in found for name in names)


if __name__ == "__main__":
    main()
