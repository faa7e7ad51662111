"""Calibrates the multiples of the noise floor on half of the right ports, tries the others.

    MMPORT_VLLM_PYTHON=… .venv/bin/python benchmarks/calibration.py EVIDENCE
        [--only 'llava*'] [--dtypes float32,bfloat16,float16] [--seeds 0,1] [--limit 20]
        [--jobs 2] [--page docs/calibration.md] [--judge]

Every implementation that `docs/scoreboard.json` says is right is verified on tiny
weights, in several dtypes and from several seeds; the evidence is kept in the
folder EVIDENCE, one file a run, and what is there already is not run again. With
`--judge`, nothing is run.

A figure over its floor says which multiple it would have needed. The models are
split by a hash of their names, whole families' dtypes and seeds to one side. The
multiples that the first half needs, with a margin, are tried on the second: what
exceeds them there is an alarm on a right port.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from mmport.core.files import write_text
from mmport.core.jsonable import from_builtins, to_json
from mmport.model.evidence import Evidence, Implementation, Measurement, Outcome, Stage
from mmport.verification import bounds

if TYPE_CHECKING:
    from mmport.engines.discover import Engines
    from mmport.engines.warm import WarmPool
    from mmport.model.facts import ModelFacts

BOARD = Path(__file__).parent.parent / "docs" / "scoreboard.json"
MARGIN = 1.5
"""What half the models need is multiplied by this: the other half are others."""
TIMEOUT_SECONDS = 400.0

MULTIPLES = {
    "largest": bounds.FLOOR_MULTIPLE,
    "root mean square": bounds.SPREAD_MULTIPLE,
    "tensor": bounds.EVENT_MULTIPLE,
}
"""The multiples that `verify` uses, by what they are of."""


@dataclass(frozen=True, slots=True)
class Run:
    """One verification of an implementation that is held to be right."""

    name: str
    implementation: Implementation
    dtype: str
    seed: int

    @property
    def label(self) -> str:
        """What its file is called."""
        return f"{self.name}.{self.implementation}.{self.dtype}.{self.seed}"

    @property
    def calibrates(self) -> bool:
        """Tell which half it is in: the model's name decides, not its dtype or seed."""
        return hashlib.sha256(self.name.encode()).digest()[0] % 2 == 0


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that has a floor; `kind` is a key of `MULTIPLES`."""

    kind: str
    place: str
    figure: float
    floor: float
    bound: float

    @property
    def needed(self) -> float:
        """The multiple of the floor that the figure needs; 0 where eps alone allows it."""
        allowed_by_eps = self.bound > MULTIPLES[self.kind] * self.floor * (1 + 1e-9)
        if self.figure <= 0 or (allowed_by_eps and self.figure <= self.bound):
            return 0.0
        return self.figure / self.floor if self.floor else math.inf


@dataclass(frozen=True, slots=True)
class Result:
    """A run and what came of it."""

    run: Run
    evidence: Evidence

    def figures(self) -> Iterator[Figure]:
        """Give all figures that stand beside a floor."""
        for stage in self.evidence.stages:
            for one in stage.measurements:
                if one.figure is None or one.floor is None or one.bound is None:
                    continue
                place = f"{one.stage} / {one.scenario} / {one.subject}"
                kind = _kind(one)
                if kind:
                    yield Figure(kind, place, one.figure, one.floor, one.bound)
        for event in self.evidence.modules:
            if event.figure is None or event.floor is None or event.bound is None:
                continue
            # What agrees is noise; what does not may be another form of the same.
            if event.agrees:
                place = f"{event.stage} / {event.scenario} / {event.event} of {event.hf}"
                yield Figure("tensor", place, event.figure, event.floor, event.bound)

    def worst(self, kind: str) -> Figure | None:
        """The figure that needs the largest multiple."""
        mine = (figure for figure in self.figures() if figure.kind == kind)
        return max(mine, key=lambda figure: figure.needed, default=None)

    def failures(self, *, bounded: bool) -> list[Measurement]:
        """List findings: of size, which are alarms here, or those that no bound has to do with."""
        return [
            one
            for stage in self.evidence.stages
            for one in stage.measurements
            if one.outcome is Outcome.FAILED and (one.bound is not None) is bounded
        ]


def _kind(measurement: Measurement) -> str:
    """Which multiple a measurement is held to; empty: it is a layer's, told among the tensors."""
    if measurement.subject.endswith("root mean square"):
        return "root mean square"
    if measurement.stage in (Stage.LOGITS, Stage.GENERATION):
        return "largest"
    whole = ("features", "tower", "connector")
    return "largest" if measurement.subject.startswith(whole) else ""


def right_ones(patterns: Sequence[str]) -> list[tuple[str, Implementation]]:
    """Read from the board which implementations of which models are right."""
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    return [
        (row["model"]["name"], cell["column"])
        for row in board["rows"]
        for cell in row["cells"]
        if cell["status"] == "pass"
        and any(fnmatchcase(row["model"]["name"], pattern) for pattern in patterns or ["*"])
    ]


class Bench:
    """Two warm engines, and how a run is made with them."""

    def __init__(self, engines: Engines, hf: WarmPool, vllm: WarmPool, folder: Path) -> None:
        self._engines = engines
        self._hf = hf
        self._vllm = vllm
        self._folder = folder

    def verify(self, run: Run) -> str:
        """Verify once and keep the evidence; give a line about it."""
        from mmport.core.errors import MmportError

        try:
            evidence = self._evidence(run)
        except MmportError as error:
            return f"{run.label}: not run: {error}"
        if evidence is None:
            return f"{run.label}: the model runs in another dtype alone"
        write_text(self._folder / f"{run.label}.json", to_json(evidence))
        return f"{run.label}: {evidence.outcome} {evidence.first_failure}"

    def _evidence(self, run: Run) -> Evidence | None:
        import tempfile

        from mmport.verification.run import Setup, compare_with, compute_reference
        from mmport.workflows.reference import build_tiny
        from mmport.workflows.verify import subject_of

        checkpoint = build_tiny(
            run.name,
            python=self._engines.hf,
            seed=run.seed,
            dtype=run.dtype,
            timeout=TIMEOUT_SECONDS,
            run=self._hf.run_jobs,
        )
        with tempfile.TemporaryDirectory(prefix="mmport-calibration-") as scratch:
            port = Path(scratch, "port") if run.implementation == "port" else None
            facts = _facts(checkpoint, port)
            if facts.dtype and facts.dtype != run.dtype:
                return None
            setup = Setup(
                model=checkpoint,
                facts=facts,
                name=run.name,
                revision=None,
                tiny=True,
                vllm_python=self._engines.vllm,
                hf_python=self._engines.hf,
                work=Path(scratch),
                dtype=run.dtype,
                timeout=TIMEOUT_SECONDS,
            )
            reference = compute_reference(setup, run=self._hf.run_jobs)
            subject = subject_of(run.implementation, port)
            return compare_with(reference, setup, subject, run=self._vllm.run_jobs)


def _facts(checkpoint: Path, port: Path | None) -> ModelFacts:
    """What is known of a model: as the board has it, a port is held to its spec."""
    from mmport.hub.opening import open_source
    from mmport.inspection.inspector import inspect_model
    from mmport.verification.facts import facts_from_card, facts_from_spec
    from mmport.vllm_api.catalog import resolve_target
    from mmport.workflows import scaffold

    if port is None:
        return facts_from_card(checkpoint)
    target = resolve_target(None)
    spec = inspect_model(open_source(str(checkpoint), revision=None), target)
    request = scaffold.Request(str(checkpoint), port)
    scaffold.write(scaffold.prepare_spec(spec, request, target))
    return facts_from_spec(spec)


def verify_all(runs: Iterable[Run], folder: Path, jobs: int) -> None:
    """Make all runs that have no evidence yet, some at a time."""
    from mmport.engines.discover import find_engine
    from mmport.engines.warm import WarmPool
    from mmport.verification.jobs import engine_constants, quiet_environment

    missing = [run for run in runs if not (folder / f"{run.label}.json").exists()]
    engines = find_engine(Path(os.environ["MMPORT_VLLM_PYTHON"]), None)
    torch_alone = ("torch", "transformers.modeling_utils", "transformers.processing_utils")
    with (
        WarmPool(engines.hf, torch_alone, quiet_environment(), jobs) as hf,
        WarmPool(
            engines.vllm, (*torch_alone, "vllm.entrypoints.llm"), engine_constants(), jobs
        ) as vllm,
        ThreadPoolExecutor(jobs) as threads,
    ):
        for line in threads.map(Bench(engines, hf, vllm, folder).verify, missing):
            print(line, file=sys.stderr, flush=True)


def read_results(folder: Path) -> list[Result]:
    """Read all evidence in a folder."""
    results = []
    for path in sorted(folder.glob("*.json")):
        name, _, dtype, seed = path.stem.rsplit(".", 3)
        document = json.loads(path.read_text(encoding="utf-8"))
        evidence = from_builtins(document, Evidence)
        results.append(Result(Run(name, evidence.implementation, dtype, int(seed)), evidence))
    return results


def check_multiples(results: Sequence[Result]) -> None:
    """See that the evidence was made with the multiples that are judged.

    Raises:
        SystemExit: it was made with others, so that it must be made again.
    """
    for kind, multiple in MULTIPLES.items():
        shares = [
            figure.bound / figure.floor
            for result in results
            for figure in result.figures()
            if figure.kind == kind and figure.floor
        ]
        if shares and not math.isclose(min(shares), multiple, rel_tol=1e-6):
            raise SystemExit(
                f"the evidence has bounds of {min(shares):.3g} times the floor of the {kind},"
                f" and `verify` now makes them of {multiple:g}: run it again, in another folder"
            )


def calibrated(results: Sequence[Result], kind: str) -> tuple[float, str]:
    """The multiple that the calibrating half needs, with the margin; and who needs it."""
    worst = [
        (figure.needed, f"`{result.run.label}`, {figure.place}")
        for result in results
        if result.run.calibrates and (figure := result.worst(kind)) is not None
    ]
    needed, who = max(worst, default=(0.0, "nothing was measured"))
    return needed * MARGIN, f"{needed:.2f}: {who}"


def to_markdown(results: Sequence[Result]) -> str:
    """Tell what the first half needs and what the second half says to it."""
    found = {kind: calibrated(results, kind) for kind in MULTIPLES}
    halves = [[one for one in results if one.run.calibrates is half] for half in (True, False)]
    lines = [
        "# How the bounds were calibrated",
        "",
        "Made by `benchmarks/calibration.py`: right implementations on tiny weights, split by a"
        f" hash of the model's name. {len(halves[0])} runs calibrate, {len(halves[1])} are tried.",
        "",
        "| Multiple of the floor of | The first half needs | With the margin | `verify` uses |"
        " Over it, second half |",
        "| --- | --- | ---: | ---: | ---: |",
    ]
    for kind, (multiple, told) in found.items():
        over = sum(_exceeds(one, kind, MULTIPLES[kind]) for one in halves[1])
        lines.append(
            f"| {kind} | {told} | {multiple:.2f} | {MULTIPLES[kind]:g} |"
            f" {over} of {len(halves[1])} runs |"
        )
    lines += ["", "## The second half", "", *_table(halves[1])]
    lines += ["", "## The first half", "", *_table(halves[0])]
    return "\n".join(lines) + "\n"


def _exceeds(result: Result, kind: str, multiple: float) -> bool:
    return any(figure.needed > multiple for figure in result.figures() if figure.kind == kind)


def _table(results: Sequence[Result]) -> Iterator[str]:
    columns = " | ".join(f"Worst {kind}" for kind in MULTIPLES)
    yield f"| Run | {columns} | Alarms | Other findings |"
    yield f"| --- |{' ---: |' * len(MULTIPLES)} --- | --- |"
    for result in results:
        worst = [result.worst(kind) for kind in MULTIPLES]
        cells = [f"{figure.needed:.2f}" if figure else "-" for figure in worst]
        cells += [_first(result.failures(bounded=bounded)) for bounded in (True, False)]
        yield f"| `{result.run.label}` | {' | '.join(cells)} |"


def _first(measurements: Sequence[Measurement]) -> str:
    if not measurements:
        return "none"
    one = measurements[0]
    told = f"{one.stage} / {one.scenario} / {one.subject}"
    if one.figure is not None and one.bound is not None:
        told += f": {one.figure:.1e}, bound {one.bound:.0e}"
    return f"{len(measurements)}, first {told}"


def main() -> None:
    """Run what is missing, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("evidence", type=Path, help="folder of the evidence")
    parser.add_argument("--only", action="append", default=[], help="pattern of models' names")
    parser.add_argument("--columns", default="port,in-tree,transformers")
    parser.add_argument("--dtypes", default="float32,bfloat16,float16")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--limit", type=int, default=0, help="runs at most; 0: all")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--page", type=Path, help="where to write the page; else it is printed")
    parser.add_argument("--judge", action="store_true", help="read what is there, run nothing")
    asked = parser.parse_args()
    if not asked.judge:
        runs = [
            Run(name, implementation, dtype, seed)
            for seed in map(int, asked.seeds.split(","))
            for dtype in asked.dtypes.split(",")
            for name, implementation in right_ones(asked.only)
            if implementation in asked.columns.split(",")
        ]
        asked.evidence.mkdir(parents=True, exist_ok=True)
        verify_all(runs[: asked.limit or None], asked.evidence, asked.jobs)
    results = read_results(asked.evidence)
    check_multiples(results)
    page = to_markdown(results)
    if asked.page is None:
        print(page)
    else:
        write_text(asked.page, page)


if __name__ == "__main__":
    main()
