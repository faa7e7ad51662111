"""`mmport scoreboard`: every reference model against every implementation."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from mmport import __version__
from mmport.core.errors import UnknownTarget, Usage
from mmport.core.files import write_tree
from mmport.core.jsonable import to_json
from mmport.core.output import Sink
from mmport.engines.discover import Engines, find_engine
from mmport.engines.facts import Package
from mmport.model.evidence import Implementation
from mmport.model.scoreboard import (
    COLUMNS,
    SCOREBOARD_SCHEMA,
    BoardRow,
    BoardVersions,
    NotBuilt,
    Scoreboard,
)
from mmport.reference_models import named
from mmport.scoreboard import sources
from mmport.scoreboard.causes import explained
from mmport.scoreboard.page import to_markdown
from mmport.scoreboard.state import ModelState, key_of
from mmport.vllm_api.catalog import Target, resolve_target
from mmport.workflows.board_model import Bench, ModelRun
from mmport.workflows.reference import cache_folder
from mmport.workflows.warm import hf_pool, vllm_pool

Result = BoardRow | NotBuilt


@dataclass(frozen=True, slots=True)
class BoardOptions:
    """What the user asked for.

    `only` are patterns for names or model types of reference models; empty for
    all. `jobs` models are measured at once. `timeout` is in seconds, for each
    worker. `state` is the folder of what was measured before; `fresh`: measure
    all of it again.
    """

    only: tuple[str, ...] = ()
    columns: tuple[Implementation, ...] = COLUMNS
    jobs: int = 1
    timeout: float = 400.0
    state: Path | None = None
    fresh: bool = False
    vllm_python: Path | None = None
    hf_python: Path | None = None


def make_board(options: BoardOptions, sink: Sink) -> Scoreboard:
    """Measure what was not measured yet, and give the board.

    Models that were not asked for are on it as far as they were measured before
    with the same software and by the same mmport.

    Raises:
        EngineMissing: there is no engine, or it cannot be imported.
        Usage: a pattern fits no reference model.
        TargetUnwritable: the state folder cannot be written.
    """
    names = chosen(options.only)
    engines = find_engine(options.vllm_python, options.hf_python)
    target = _target(engines)
    folder = options.state or cache_folder().parent / "scoreboard"
    states = {name: ModelState(folder / name) for name in named.names()}
    if options.fresh:
        for name in names:
            states[name].forget(options.columns)
    total = len(names) * len(options.columns)
    with (
        sink.counted("scoreboard", total) as progress,
        _bench(engines, target, options) as (bench, threads),
    ):
        runs = {
            name: ModelRun(name, options.columns, bench, state, progress)
            for name, state in states.items()
        }
        results = _gather(threads, [runs[name] for name in names])
    for name in states.keys() - results.keys():
        kept = runs[name].kept()
        if kept is not None:
            results[name] = kept
    return _board([results[name] for name in states if name in results], engines, target)


def write_board(board: Scoreboard, page: Path) -> None:
    """Write the page, and the document beside it.

    Raises:
        TargetUnwritable: the folder cannot be written.
    """
    document = page.with_suffix(".json").name
    write_tree(page.parent, {page.name: to_markdown(board), document: to_json(board)})


def chosen(patterns: Sequence[str]) -> tuple[str, ...]:
    """List the reference models whose name or model type fits a pattern; all without one.

    Raises:
        Usage: a pattern fits none.
    """
    names = named.names()
    if not patterns:
        return names
    types = {name: str(named.load(name).config.get("model_type", "")) for name in names}
    fitting: dict[str, set[str]] = {
        pattern: {
            name
            for name in names
            if fnmatchcase(name, pattern) or fnmatchcase(types[name], pattern)
        }
        for pattern in patterns
    }
    for pattern, found in fitting.items():
        if not found:
            raise Usage(
                f"no reference model is called {pattern!r}, nor is its type",
                "give a name, a model type, or a pattern such as 'qwen*'",
            )
    return tuple(name for name in names if any(name in found for found in fitting.values()))


@contextmanager
def _bench(
    engines: Engines, target: Target, options: BoardOptions
) -> Iterator[tuple[Bench, ThreadPoolExecutor]]:
    """The warm processes, and the threads that have them do the work.

    On the way out the processes end first, for the threads wait for them; and
    before that it is known that no result is wanted any more.
    """
    stopping = threading.Event()
    made_with = {column: _made_with(column, engines) for column in COLUMNS}
    with (
        ThreadPoolExecutor(options.jobs, "scoreboard") as threads,
        hf_pool(engines.hf, options.jobs) as hf,
        vllm_pool(engines.vllm, options.jobs) as vllm,
    ):
        bench = Bench(
            engines, target, hf.run_jobs, vllm.run_jobs, made_with, options.timeout, stopping
        )
        try:
            yield bench, threads
        finally:
            stopping.set()
            threads.shutdown(wait=False, cancel_futures=True)


def _gather(threads: ThreadPoolExecutor, runs: Sequence[ModelRun]) -> dict[str, Result]:
    """Wait for all; an error of one, such as a missing engine, is raised at once."""
    waiting: dict[Future[Result], str] = {threads.submit(run.measure): run.name for run in runs}
    return {waiting[done]: done.result() for done in as_completed(waiting)}


def _made_with(column: Implementation, engines: Engines) -> str:
    """Hash the software and the source that any result of a column hangs on."""
    sides = (engines.vllm_facts, engines.hf_facts)
    versions = [str(package) for facts in sides for package in facts.packages]
    porting = sources.porting() if column == "port" else ""
    return key_of(column=column, versions=versions, comparing=sources.comparing(), porting=porting)


def _board(results: Sequence[Result], engines: Engines, target: Target) -> Scoreboard:
    rows = [
        replace(one, cells=tuple(explained(one.model, cell) for cell in one.cells))
        for one in results
        if isinstance(one, BoardRow)
    ]
    measured = {cell.column for row in rows for cell in row.cells}
    return Scoreboard(
        schema=SCOREBOARD_SCHEMA,
        versions=BoardVersions(
            mmport=__version__,
            vllm=target.version,
            torch=_version(engines.vllm_facts.torch),
            transformers=_version(engines.hf_facts.transformers),
            python=engines.vllm_facts.python_version,
        ),
        columns=tuple(column for column in COLUMNS if column in measured),
        rows=tuple(rows),
        not_built=tuple(one for one in results if isinstance(one, NotBuilt)),
    )


def _target(engines: Engines) -> Target:
    """The release that the engine is; one without a catalog is written for as the default is."""
    try:
        return resolve_target(_version(engines.vllm_facts.vllm))
    except UnknownTarget:
        return resolve_target(None)


def _version(package: Package | None) -> str:
    return package.version if package else "unknown"
