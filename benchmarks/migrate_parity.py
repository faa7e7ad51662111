"""Puts migrated model files in the place of vLLM's own classes, and compares each with HF.

    MMPORT_VLLM_PYTHON=… .venv/bin/python benchmarks/migrate_parity.py DIR
        --releases 0.11.2 0.14.1 --record CELLS.jsonl -o PAGE.md [--only llava]

DIR is what `migrate_corpus.py --keep` left: `0.11.2/llava/llava.py`, … Each class that
registers a processor and has a tiny reference model is proven as any file is, by
`mmport verify MODEL --port FILE --class NAME`. What vLLM's own class of the target proves
of that model stands beside it, by `docs/scoreboard.json`: a migrated file is held to that,
since a migration is not asked to mend the model. A model that vLLM's own class cannot load is
no measure of a migration, and is left out.

It takes about a minute a cell. Each is put into the record as it is measured; those of the
record whose file is as it was are not measured again.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from migrate_corpus import short_error

from mmport.core.errors import MmportError
from mmport.core.markdown import code_span, table
from mmport.core.output import Progress, Sink
from mmport.engines.supervise import RunJobs
from mmport.model.evidence import Outcome, Stage
from mmport.workflows.reference import build_tiny
from mmport.workflows.verify import VerifyOptions, prove
from mmport.workflows.warm import warm_jobs

BOARD = Path(__file__).parent.parent / "docs" / "scoreboard.json"
RELEASES = ("0.8.4", "0.9.2", "0.10.2", "0.11.2", "0.14.1", "0.18.1", "0.24.0")
HEAD = """# Parity of migrated model files

vLLM's own vision-language files of old releases, migrated to 0.32.0 by nothing but
`mmport migrate`, in place of its class of today on the tiny reference model: CPU, float32.
Written by `benchmarks/migrate_parity.py`. Beside each is what vLLM's own class of 0.32.0
proves of the same model: a migrated file is held to that. *Asked* are the classes whose model
vLLM's own class loads.
"""
RANKS = ("pass", "wrong")
"""What can be said of vLLM's own class on a model that measures a migration; best first."""


@dataclass(frozen=True, slots=True)
class Own:
    """What vLLM's own class of the target proves of a reference model."""

    model: str
    architecture: str
    proven: frozenset[str]


@dataclass(frozen=True, slots=True)
class Case:
    """A class of a release's migrated file, and the model that it is asked about."""

    release: str
    file: Path
    name: str
    own: Own

    @property
    def key(self) -> tuple[str, ...]:
        """What was measured, and of which text of the file."""
        text = self.file.read_bytes()
        return self.release, self.name, self.own.model, sha256(text).hexdigest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a migrated class proves; `why` it does not prove the rest."""

    passed: bool
    proven: frozenset[str]
    why: str


Record = dict[tuple[str, ...], Verdict]


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("migrated", type=Path, metavar="DIR")
    parser.add_argument("--releases", nargs="*", default=RELEASES, metavar="V")
    parser.add_argument("--only", nargs="*", default=(), metavar="FILE", help="names without .py")
    parser.add_argument("--record", type=Path, metavar="CELLS.jsonl")
    parser.add_argument("-o", "--output", type=Path, metavar="PAGE.md")
    options = parser.parse_args()
    python = Path(os.environ["MMPORT_VLLM_PYTHON"])
    found = (one for release in options.releases for one in _cases(options.migrated, release))
    cases = [one for one in found if not options.only or one.file.stem in options.only]
    known = _read(options.record)
    with warm_jobs(python, python, 2) as run:
        for case in cases:
            if case.key not in known:
                known[case.key] = _verdict(case, python, run)
                _keep(options.record, case, known[case.key])
            print(case.release, *_row(case, known[case.key]), sep="\t", flush=True)
    page = "\n".join([HEAD, *_page([(case, known[case.key]) for case in cases])])
    print(page)
    if options.output:
        options.output.write_text(f"{page}\n", encoding="utf-8")


def _read(record: Path | None) -> Record:
    lines = record.read_text("utf-8").splitlines() if record and record.is_file() else []
    rows = map(json.loads, lines)
    return {
        tuple(row["key"]): Verdict(row["passed"], frozenset(row["proven"]), row["why"])
        for row in rows
    }


def _keep(record: Path | None, case: Case, verdict: Verdict) -> None:
    if record is not None:
        row = {"key": case.key, **asdict(verdict), "proven": sorted(verdict.proven)}
        with record.open("a", encoding="utf-8") as file:
            print(json.dumps(row), file=file)


def _cases(folder: Path, release: str) -> Iterator[Case]:
    own = _own()
    for file in sorted((folder / release).glob("*/*.py")):
        for name in _registered(ast.parse(file.read_text("utf-8"))):
            if name in own:
                yield Case(release, file, name, own[name])


@cache
def _own() -> dict[str, Own]:
    """Of each architecture the model of which vLLM's own class proves most."""
    found: dict[str, Own] = {}
    for row in json.loads(BOARD.read_text("utf-8"))["rows"]:
        model = row["model"]
        for cell in row["cells"]:
            if cell["column"] == "in-tree" and cell["status"] in RANKS:
                proven = frozenset(cell["proven"])
                one = Own(model["name"], model["architecture"], proven)
                known = found.get(one.architecture)
                if known is None or len(known.proven) < len(proven):
                    found[one.architecture] = one
    return found


def _registered(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(
            isinstance(one, ast.Call) and getattr(one.func, "attr", "") == "register_processor"
            for one in node.decorator_list
        ):
            yield node.name


def _verdict(case: Case, python: Path, run: RunJobs) -> Verdict:
    folder = build_tiny(case.own.model, python=python)
    options = VerifyOptions(port=case.file, class_name=case.name, vllm_python=python)
    try:
        (evidence,) = prove(str(folder), options, Sink(), Progress(case.name, lambda _: None), run)
    except MmportError as error:
        return Verdict(passed=False, proven=frozenset(), why=str(error).splitlines()[0])
    proven = frozenset(str(one.stage) for one in evidence.stages if one.outcome is Outcome.PASSED)
    passed = evidence.outcome is Outcome.PASSED
    return Verdict(passed, proven, "" if passed else evidence.first_failure)


def _as_own(case: Case, verdict: Verdict) -> bool:
    """Tell whether a migrated class proves all that vLLM's own does."""
    return verdict.proven >= case.own.proven


def _page(measured: list[tuple[Case, Verdict]]) -> Iterator[str]:
    none: list[tuple[Case, Verdict]] = []
    releases = {case.release: none.copy() for case, _ in measured} | {"all": measured}
    for case, verdict in measured:
        releases[case.release].append((case, verdict))
    header = ["From", "Asked", "Pass every stage", "Prove all that vLLM's own class does"]
    yield table(header, [_sum(release, ones) for release, ones in releases.items()])
    header = ["File", "Model", "vLLM's own", "Migrated", "As vLLM's own", "First difference"]
    for release, ones in releases.items():
        if ones is not measured:
            yield f"\n## Of {release}\n"
            yield table(header, [_row(*one) for one in ones])


def _sum(release: str, ones: list[tuple[Case, Verdict]]) -> list[str]:
    passed = sum(verdict.passed for _, verdict in ones)
    as_own = sum(_as_own(*one) for one in ones)
    return [release, str(len(ones)), str(passed), f"{as_own} ({as_own / max(len(ones), 1):.0%})"]


def _row(case: Case, verdict: Verdict) -> list[str]:
    return [
        code_span(case.file.name),
        case.own.model,
        _stages(case.own.proven),
        _stages(verdict.proven),
        "yes" if _as_own(case, verdict) else "no",
        short_error(verdict.why).replace("|", "\\|")[:160],
    ]


def _stages(proven: frozenset[str]) -> str:
    missing = [str(stage) for stage in Stage if str(stage) not in proven]
    if not missing:
        return "all stages"
    return f"all but {', '.join(missing)}" if len(missing) < len(Stage) else "none"


if __name__ == "__main__":
    main()
