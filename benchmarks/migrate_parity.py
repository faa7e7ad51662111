"""Puts migrated model files in the place of vLLM's own classes, and compares each with HF.

    MMPORT_VLLM_PYTHON=… .venv/bin/python benchmarks/migrate_parity.py DIR -o PAGE.md [--only llava]

DIR is what `migrate_corpus.py --keep` left of a release: `llava/llava.py`, … Each class that
registers a processor and has a tiny reference model is proven as any file is, by
`mmport verify MODEL --port FILE --class NAME`. What vLLM's own class of the target proves
of that model stands beside it, by `docs/scoreboard.json`: a migrated file is held to that,
since a migration is not asked to mend the model. A model that vLLM's own class cannot load is
no measure of a migration, and is left out.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmport.core.errors import MmportError
from mmport.core.markdown import code_span, table
from mmport.core.output import Progress, Sink
from mmport.engines.supervise import RunJobs
from mmport.model.evidence import Outcome, Stage
from mmport.workflows.reference import build_tiny
from mmport.workflows.verify import VerifyOptions, prove
from mmport.workflows.warm import warm_jobs

BOARD = Path(__file__).parent.parent / "docs" / "scoreboard.json"
RANKS = ("pass", "wrong")
"""What can be said of vLLM's own class on a model that measures a migration; best first."""


@dataclass(frozen=True, slots=True)
class Own:
    """What vLLM's own class of the target proves of a reference model."""

    model: str
    architecture: str
    status: str
    proven: frozenset[str]


@dataclass(frozen=True, slots=True)
class Case:
    """A class of a migrated file, and the model that it is asked about."""

    file: Path
    name: str
    own: Own


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a migrated class proves; `why` it does not prove the rest."""

    case: Case
    passed: bool
    proven: frozenset[str]
    why: str

    @property
    def as_own(self) -> bool:
        """Whether it proves all that vLLM's own class does."""
        return self.proven >= self.case.own.proven


def main() -> None:
    """Measure, print, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("migrated", type=Path, metavar="DIR")
    parser.add_argument("--only", nargs="*", default=(), metavar="FILE", help="names without .py")
    parser.add_argument("-o", "--output", type=Path, metavar="PAGE.md")
    options = parser.parse_args()
    python = Path(os.environ["MMPORT_VLLM_PYTHON"])
    found = _cases(options.migrated)
    cases = [one for one in found if not options.only or one.file.stem in options.only]
    with warm_jobs(python, python, 2) as run:
        verdicts = [_told(_verdict(case, python, run)) for case in cases]
    page = "\n".join(_page(verdicts))
    print(page)
    if options.output:
        options.output.write_text(page, encoding="utf-8")


def _cases(folder: Path) -> Iterator[Case]:
    own = _own()
    for file in sorted(folder.glob("*/*.py")):
        for name in _registered(ast.parse(file.read_text("utf-8"))):
            if name in own:
                yield Case(file, name, own[name])


def _own() -> dict[str, Own]:
    """Of each architecture the model of which vLLM's own class proves most."""
    found: dict[str, Own] = {}
    for row in json.loads(BOARD.read_text("utf-8"))["rows"]:
        model = row["model"]
        for cell in row["cells"]:
            if cell["column"] == "in-tree" and cell["status"] in RANKS:
                proven = frozenset(cell["proven"])
                one = Own(model["name"], model["architecture"], cell["status"], proven)
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
        return Verdict(case, passed=False, proven=frozenset(), why=str(error).splitlines()[0])
    proven = frozenset(str(one.stage) for one in evidence.stages if one.outcome is Outcome.PASSED)
    passed = evidence.outcome is Outcome.PASSED
    return Verdict(case, passed, proven, "" if passed else evidence.first_failure)


def _told(verdict: Verdict) -> Verdict:
    print("\t".join(_row(verdict)), flush=True)
    return verdict


def _page(verdicts: list[Verdict]) -> Iterator[str]:
    count = len(verdicts)
    passed = sum(one.passed for one in verdicts)
    as_own = sum(one.as_own for one in verdicts)
    yield f"{count} classes with a reference model: {passed} pass every stage, {as_own} prove all"
    yield "that vLLM's own class of the target proves of the same model.\n"
    header = ["File", "Model", "vLLM's own", "Migrated", "As vLLM's own", "First difference"]
    yield table(header, [_row(one) for one in verdicts])


def _row(one: Verdict) -> list[str]:
    return [
        code_span(one.case.file.name),
        one.case.own.model,
        _stages(one.case.own.proven),
        _stages(one.proven),
        "yes" if one.as_own else "no",
        one.why.replace("|", "\\|")[:160],
    ]


def _stages(proven: frozenset[str]) -> str:
    missing = [str(stage) for stage in Stage if str(stage) not in proven]
    if not missing:
        return "all stages"
    return f"all but {', '.join(missing)}" if len(missing) < len(Stage) else "none"


if __name__ == "__main__":
    main()
