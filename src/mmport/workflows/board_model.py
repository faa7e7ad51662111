"""One reference model on the board: built, answered by HF, and put to every implementation."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mmport.core.errors import EngineMissing, NotPortable, WorkerFailed, WorkerOutOfMemory
from mmport.core.jsonable import from_builtins
from mmport.core.output import Counted, Progress
from mmport.engines.discover import Engines
from mmport.engines.facts import EngineFacts
from mmport.engines.supervise import RunJobs
from mmport.hub.opening import open_source
from mmport.hub.source import ModelSource
from mmport.inspection.inspector import inspect_model
from mmport.model.evidence import Implementation
from mmport.model.facts import CARD, ModelFacts
from mmport.model.scoreboard import COLUMNS, BoardModel, BoardRow, Cell, Failure, NotBuilt
from mmport.model.spec import VlmSpec
from mmport.scoreboard import cells, sources
from mmport.scoreboard.causes import explained
from mmport.scoreboard.page import cell_text, failure_text
from mmport.scoreboard.state import BY_CARD, BY_SPEC, ModelState, key_of
from mmport.verification.facts import facts_from_card, facts_from_spec
from mmport.verification.jobs import REFERENCE, question_key
from mmport.verification.run import Setup, compare_with, compute_reference
from mmport.verification.subjects import Subject
from mmport.vllm_api.catalog import Target, load
from mmport.weights.groups import heads
from mmport.workflows import scaffold
from mmport.workflows.reference import build_tiny
from mmport.workflows.verify import subject_of

_PORT_FOLDER = "scaffolded"


@dataclass(frozen=True, slots=True)
class Bench:
    """What all reference models of one run share.

    `run_hf` and `run_vllm` run the jobs of either side. `made_with` has, by
    column, a hash of the software and of mmport's source. Once `stopping` is
    set, workers are being ended from outside, and what comes of that is no
    result.
    """

    engines: Engines
    target: Target
    run_hf: RunJobs
    run_vllm: RunJobs
    made_with: dict[Implementation, str]
    timeout: float
    stopping: threading.Event


class Stopped(Exception):
    """The board is no longer wanted."""


class _NothingToMeasureOn(Exception):
    """There is no checkpoint, or HF itself has no answers for it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class ModelRun:
    """Measures one reference model.

    Args:
        name: of the reference model.
        columns: that are wanted.
        bench: shared by all.
        state: where results are kept.
        progress: told each step, and each cell that is finished.
    """

    def __init__(
        self,
        name: str,
        columns: Sequence[Implementation],
        bench: Bench,
        state: ModelState,
        progress: Counted,
    ) -> None:
        self.name = name
        self._columns = columns
        self._bench = bench
        self._state = state
        self._progress = progress
        self._finished = 0

    def measure(self) -> BoardRow | NotBuilt:
        """Do what is missing, and give the whole row.

        Raises:
            EngineMissing: the engine cannot be imported.
            Stopped: the board is no longer wanted.
        """
        key = self._builder_key()
        result = known = self._state.not_built(key)
        try:
            if result is None:
                return self._row(_Checkpoint(self.name, self._built(), self._bench.target))
        except _NothingToMeasureOn as stopped:
            self._check_wanted()
            result = NotBuilt(self.name, stopped.failure)
            self._state.keep_not_built(result, key)
        left = len(self._columns) - self._finished
        told = f"{failure_text(result.failure)}{' (kept)' if known else ''}"
        self._progress.done(f"{self.name}: {told}", left)
        return result

    def kept(self) -> BoardRow | NotBuilt | None:
        """Give what was measured before, with the same software and source; measure nothing."""
        return self._state.not_built(self._builder_key()) or self._state.row(self._bench.made_with)

    def _row(self, checkpoint: _Checkpoint) -> BoardRow:
        self._state.keep_model(checkpoint.model)
        found = [
            self._cell(checkpoint, column)
            if column in self._columns
            else self._state.cell(column, self._key(checkpoint, column))
            for column in COLUMNS
        ]
        model = replace(checkpoint.model, reference_seconds=self._state.reference_seconds())
        self._state.keep_model(model)
        return BoardRow(model, tuple(cell for cell in found if cell is not None))

    def _built(self) -> Path:
        try:
            folder = build_tiny(
                self.name,
                python=self._bench.engines.hf,
                timeout=self._bench.timeout,
                progress=lambda phase: self._step(f"building: {phase}"),
                run=self._bench.run_hf,
            )
            facts_from_card(folder)
        except EngineMissing:
            raise
        except Exception as error:  # whatever a builder does, the next model has its turn
            raise _NothingToMeasureOn(
                cells.as_failure(error, self._folders(), "building")
            ) from error
        return folder

    def _builder_key(self) -> str:
        return key_of(
            name=self.name,
            source=(sources.building(), sources.comparing()),
            versions=_packages(self._bench.engines.hf_facts),
        )

    def _key(self, checkpoint: _Checkpoint, column: Implementation) -> str:
        setup = self._setup(checkpoint, column)
        return key_of(
            made_with=self._bench.made_with[column],
            checkpoint=checkpoint.key,
            questions=question_key(setup) if setup else None,
        )

    def _cell(self, checkpoint: _Checkpoint, column: Implementation) -> Cell:
        key = self._key(checkpoint, column)
        known = self._state.cell(column, key)
        cell = known or self._measured(checkpoint, column)
        if known is None:
            self._check_wanted()
            # Memory that was short says something of the moment alone.
            if not (cell.failure and cell.failure.type == WorkerOutOfMemory.__name__):
                self._state.keep_cell(cell, key, self._bench.made_with[column])
        shown = cell_text(explained(checkpoint.model, cell))
        self._finished += 1
        self._progress.done(f"{self.name} / {column}: {shown}{' (kept)' if known else ''}")
        return cell

    def _measured(self, checkpoint: _Checkpoint, column: Implementation) -> Cell:
        begun = time.monotonic()
        try:
            if column == "in-tree":
                catalog = load(self._bench.target.version)
                none = cells.without_class(checkpoint.model.architecture, catalog)
                if none is not None:
                    return none
            subject = subject_of(column, self._ported(checkpoint) if column == "port" else None)
            return self._compared(checkpoint, subject)
        except (EngineMissing, _NothingToMeasureOn):
            raise
        except NotPortable as error:
            return cells.refused(error, time.monotonic() - begun, self._folders(checkpoint))
        except Exception as error:  # whatever one cell does, the next has its turn
            seconds = time.monotonic() - begun
            return cells.died(column, error, seconds, self._folders(checkpoint), "measuring")

    def _compared(self, checkpoint: _Checkpoint, subject: Subject) -> Cell:
        setup = self._setup(checkpoint, subject.implementation)
        assert setup is not None  # noqa: S101 - what was scaffolded has a spec
        reference = self._reference(checkpoint, setup)
        out = setup.work / subject.name
        begun = time.monotonic()
        try:
            evidence = compare_with(
                reference,
                setup,
                subject,
                run=self._bench.run_vllm,
                progress=Progress(self.name, self._step),
            )
            seconds = time.monotonic() - begun
            return cells.measured(evidence, out, seconds, self._folders(checkpoint))
        finally:
            for path in out.glob("*.safetensors"):
                path.unlink()

    def _ported(self, checkpoint: _Checkpoint) -> Path:
        folder = self._state.work(_PORT_FOLDER)
        shutil.rmtree(folder, ignore_errors=True)
        self._step("port: scaffolding")
        request = scaffold.Request(str(checkpoint.folder), folder)
        update = scaffold.prepare_spec(checkpoint.spec, request, self._bench.target)
        scaffold.write(update)
        return folder

    def _reference(self, checkpoint: _Checkpoint, setup: Setup) -> Path:
        """HF's answers, which every column is held against; computed once."""
        key = key_of(
            checkpoint=checkpoint.key,
            questions=question_key(setup),
            comparing=sources.comparing(),
            versions=_packages(self._bench.engines.hf_facts),
        )
        if self._state.has_reference(setup.work.name, key):
            return setup.work / REFERENCE
        begun = time.monotonic()
        try:
            folder = compute_reference(
                setup, run=self._bench.run_hf, progress=Progress(self.name, self._step)
            )
        except WorkerFailed as error:
            if setup.work.name == BY_SPEC:
                raise  # then it is the spec that asks what this model does not answer
            raise _NothingToMeasureOn(
                cells.as_failure(error, self._folders(checkpoint), "")
            ) from error
        self._state.keep_reference(setup.work.name, key, time.monotonic() - begun)
        return folder

    def _setup(self, checkpoint: _Checkpoint, column: Implementation) -> Setup | None:
        """What is asked, and how; None for the port of a model that cannot be inspected.

        The port is held to what its spec says, as `verify --port` does, which
        knows the model's parts. The others are asked alike on every model.
        """
        work, facts = BY_CARD, checkpoint.facts
        if column == "port":
            try:
                spec = checkpoint.spec
                if spec.anatomy is None:
                    work, facts = BY_SPEC, facts_from_spec(spec)
            except Exception:  # the port's cell tells of it
                return None
        engines = self._bench.engines
        return Setup(
            model=checkpoint.folder,
            facts=facts,
            name=self.name,
            revision=None,
            tiny=True,
            vllm_python=engines.vllm,
            hf_python=engines.hf,
            work=self._state.work(work),
            timeout=self._bench.timeout,
            vllm_version=self._bench.target.version,
        )

    def _step(self, line: str) -> None:
        self._progress.step(f"{self.name}: {line}")

    def _folders(self, checkpoint: _Checkpoint | None = None) -> dict[Path, str]:
        """Names of the folders that messages may name; deeper ones first."""
        folders = {self._state.folder.resolve(): "STATE"}
        if checkpoint is not None:
            folders = {checkpoint.folder.resolve(): "MODEL", **folders}
        return folders

    def _check_wanted(self) -> None:
        if self._bench.stopping.is_set():
            raise Stopped


class _Checkpoint:
    """A reference model that was built, and what is known of it."""

    def __init__(self, name: str, folder: Path, target: Target) -> None:
        self.name = name
        self.folder = folder
        self._target = target

    @cached_property
    def _source(self) -> ModelSource:
        return open_source(str(self.folder), revision=None)

    @cached_property
    def key(self) -> str:
        """A hash of all that a side loads; the card tells how long building took."""
        return sources.folder_hash(self.folder, without=CARD)

    @cached_property
    def model(self) -> BoardModel:
        """What its card says of it."""
        card = json.loads((self.folder / CARD).read_text(encoding="utf-8"))
        size = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        described = {
            "name": self.name,
            "model_type": card.get("model_type", ""),
            "variant": card.get("variant") or "",
            "architecture": card["facts"]["architecture"],
            "parameters": card.get("parameters", 0),
            "seconds": card.get("seconds", 0.0),
            "bytes": size,
            "honesty": card.get("honesty", {}),
            "weights": heads(self._source.tensor_headers()),
        }
        return from_builtins(described, BoardModel)

    @cached_property
    def spec(self) -> VlmSpec:
        """What inspection makes of it.

        Raises:
            NotPortable: mmport does not know such models.
        """
        return inspect_model(self._source, self._target)

    @cached_property
    def facts(self) -> ModelFacts:
        """What it is asked, by its card."""
        return facts_from_card(self.folder)


def _packages(facts: EngineFacts) -> list[str]:
    return [str(package) for package in facts.packages]
