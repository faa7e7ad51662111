"""The board's own work; the builder, HF and the engine are replaced, and tested elsewhere."""

from __future__ import annotations

import json
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from mmport.core.errors import EngineMissing, Usage, WorkerFailed, WorkerHung, WorkerOutOfMemory
from mmport.core.jsonable import from_json, to_builtins
from mmport.core.output import Sink
from mmport.model.evidence import Evidence, Stage
from mmport.model.facts import CARD, ModalityFacts, ModelFacts
from mmport.model.scoreboard import COLUMNS, BoardRow, CellStatus, Scoreboard
from mmport.reference_models import named
from mmport.scoreboard import sources
from mmport.verification.jobs import REFERENCE
from mmport.verification.run import Setup
from mmport.verification.subjects import Subject
from mmport.workflows import board_model, warm
from mmport.workflows.scoreboard import BoardOptions, chosen, make_board, write_board
from tests.unit.checkpoints import write_llava
from tests.unit.engines.fake_python import FITTING, changed, write_python
from tests.unit.scoreboard.boards import evidence, measurement

LLAVA, OTHER, BROKEN = "clip-llama", "fast_vlm", "git"


class NoPool:
    """Stands for a pool; nothing that is replaced here runs a job."""

    open_now = 0

    def __init__(self, *arguments: Any) -> None:
        self.run_jobs = None

    def __enter__(self) -> NoPool:
        NoPool.open_now += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        NoPool.open_now -= 1


class Workshop:
    """Stands for builder, HF and engine, and counts what each is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: Counter[str] = Counter()
        self.verdict: Callable[[Setup, Subject], Evidence] = lambda _, subject: evidence(
            column=subject.implementation
        )
        self.reference: Callable[[Setup], None] = lambda _: None
        self.weights = "first"

    def build(self, name: str, **options: Any) -> Path:
        self.asked[f"build {name}"] += 1
        if name == BROKEN:
            raise WorkerFailed("no such config", "mend it", details="")
        folder = self.folder / name
        if name == LLAVA:
            write_llava(folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "config.json").write_text(json.dumps({"model_type": name}))
        (folder / "weights").write_text(self.weights)
        (folder / CARD).write_text(json.dumps(card(name)))
        return folder

    def compute(self, setup: Setup, **options: Any) -> Path:
        self.asked[f"reference {setup.name} {setup.work.name}"] += 1
        self.reference(setup)
        (setup.work / REFERENCE).mkdir(parents=True, exist_ok=True)
        return setup.work / REFERENCE

    def compare(self, reference: Path, setup: Setup, subject: Subject, **options: Any) -> Evidence:
        assert reference == setup.work / REFERENCE
        assert (subject.implementation == "port") == bool(subject.entry_point)
        self.asked[f"{setup.name} {subject.implementation}"] += 1
        (setup.work / subject.name).mkdir(parents=True, exist_ok=True)
        (setup.work / subject.name / "scenario-text.safetensors").write_text("")
        return self.verdict(setup, subject)


def card(name: str) -> dict[str, Any]:
    of_class = {LLAVA: "Llava", OTHER: "FastVlm"}[name]
    image = ModalityFacts("image", "<image>", 259, 2, 28, 28, 0, 0.0, 0)
    facts = ModelFacts(
        architecture=f"{of_class}ForConditionalGeneration",
        auto_class="AutoModelForImageTextToText",
        modalities=(image,),
        checkpoint_files=(),
        question="{items} What?",
        tokens_per_item=4,
    )
    return {
        "schema": "mmport.reference-model/1",
        "name": name,
        "model_type": named.load(name).config["model_type"],
        "variant": None,
        "facts": to_builtins(facts),
        "honesty": {"distinct": 9, "gap": 0.01},
        "parameters": 1000,
        "seconds": 2.0,
    }


@pytest.fixture
def workshop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path / "models")
    monkeypatch.setattr(board_model, "build_tiny", made.build)
    monkeypatch.setattr(board_model, "compute_reference", made.compute)
    monkeypatch.setattr(board_model, "compare_with", made.compare)
    monkeypatch.setattr(warm, "WarmPool", NoPool)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    return made


@pytest.fixture
def options(tmp_path: Path) -> BoardOptions:
    python = write_python(tmp_path, FITTING)
    return BoardOptions(only=(LLAVA, OTHER), state=tmp_path / "state", vllm_python=python)


def changed_options(options: BoardOptions, **changes: Any) -> BoardOptions:
    fields = {name: getattr(options, name) for name in options.__dataclass_fields__}
    return BoardOptions(**{**fields, **changes})


def row(board: Scoreboard, name: str) -> BoardRow:
    return next(row for row in board.rows if row.model.name == name)


def statuses(board: Scoreboard, name: str) -> list[CellStatus]:
    return [cell.status for cell in row(board, name).cells]


class TestCells:
    def test_each_column_is_measured_refused_or_none(
        self, workshop: Workshop, options: BoardOptions
    ) -> None:
        board = make_board(options, Sink())
        assert board.columns == COLUMNS
        assert statuses(board, LLAVA) == [CellStatus.PASS] * 3
        assert statuses(board, OTHER) == [CellStatus.REFUSED, CellStatus.NONE, CellStatus.PASS]
        assert "no processor is known" in row(board, OTHER).cells[0].reason
        assert NoPool.open_now == 0

    def test_the_reference_is_computed_once_for_each_set_of_questions(
        self, workshop: Workshop, options: BoardOptions
    ) -> None:
        make_board(options, Sink())
        references = {what: count for what, count in workshop.asked.items() if "reference" in what}
        assert references == {
            f"reference {LLAVA} by-spec": 1,
            f"reference {LLAVA} by-card": 1,
            f"reference {OTHER} by-card": 1,
        }

    def test_a_model_is_described_by_its_card(
        self, workshop: Workshop, options: BoardOptions
    ) -> None:
        model = row(make_board(options, Sink()), LLAVA).model
        assert (model.model_type, model.parameters, model.seconds) == ("llava", 1000, 2.0)
        assert model.honesty == {"distinct": 9, "gap": 0.01}
        assert model.bytes > 1000

    def test_a_cell_that_fails_does_not_stop_the_next(
        self, workshop: Workshop, options: BoardOptions
    ) -> None:
        def verdict(setup: Setup, subject: Subject) -> Evidence:
            if subject.implementation == "port":
                raise WorkerHung("it hung", "wait")
            if subject.implementation == "in-tree":
                raise ZeroDivisionError
            return evidence(measurement(Stage.LOGITS), column=subject.implementation)

        workshop.verdict = verdict
        board = make_board(options, Sink())
        assert statuses(board, LLAVA) == [CellStatus.FAILS, CellStatus.FAILS, CellStatus.WRONG]
        failures = [cell.failure.type for cell in row(board, LLAVA).cells if cell.failure]
        assert failures == ["WorkerHung", "ZeroDivisionError"]

    def test_tensors_are_not_kept(self, workshop: Workshop, options: BoardOptions) -> None:
        make_board(options, Sink())
        assert options.state is not None
        assert list(options.state.rglob("*.safetensors")) == []


class TestNothingToMeasureOn:
    def test_what_cannot_be_built_is_listed(
        self, workshop: Workshop, options: BoardOptions
    ) -> None:
        board = make_board(changed_options(options, only=(BROKEN, OTHER)), Sink())
        assert [one.name for one in board.not_built] == [BROKEN]
        assert board.not_built[0].failure.message == "no such config"
        assert [one.model.name for one in board.rows] == [OTHER]

    def test_it_is_not_tried_again_until_the_builder_changes(
        self, workshop: Workshop, options: BoardOptions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = changed_options(options, only=(BROKEN,))
        make_board(asked, Sink())
        assert make_board(asked, Sink()).not_built
        assert workshop.asked[f"build {BROKEN}"] == 1
        monkeypatch.setattr(sources, "building", lambda: "another builder")
        make_board(asked, Sink())
        assert workshop.asked[f"build {BROKEN}"] == 2

    def test_where_hf_has_no_answer_nothing_can_be_right(
        self, workshop: Workshop, options: BoardOptions
    ) -> None:
        def reference(setup: Setup) -> None:
            raise WorkerFailed("HF could not compute it", "look")

        workshop.reference = reference
        board = make_board(options, Sink())
        assert [one.name for one in board.not_built] == [LLAVA, OTHER]
        assert board.rows == ()
        assert workshop.asked[f"{LLAVA} in-tree"] == 0


class TestResuming:
    def test_what_was_measured_is_not_measured_again(
        self, workshop: Workshop, options: BoardOptions, capsys: pytest.CaptureFixture[str]
    ) -> None:
        first = make_board(options, Sink())
        before = Counter(workshop.asked)
        capsys.readouterr()
        assert make_board(options, Sink()) == first
        again = {what for what in workshop.asked if workshop.asked[what] != before[what]}
        assert again == {f"build {LLAVA}", f"build {OTHER}"}  # which has a cache of its own
        assert capsys.readouterr().err.count("(kept)") == 6

    def test_an_interrupted_run_goes_on_where_it_stopped(
        self, workshop: Workshop, options: BoardOptions
    ) -> None:
        def verdict(setup: Setup, subject: Subject) -> Evidence:
            if subject.implementation == "transformers":
                raise EngineMissing("gone", "install it")
            return evidence(column=subject.implementation)

        workshop.verdict = verdict
        with pytest.raises(EngineMissing):
            make_board(changed_options(options, only=(LLAVA,)), Sink())
        workshop.verdict = lambda _, subject: evidence(column=subject.implementation)
        make_board(changed_options(options, only=(LLAVA,)), Sink())
        assert workshop.asked[f"{LLAVA} port"] == workshop.asked[f"{LLAVA} in-tree"] == 1
        assert workshop.asked[f"{LLAVA} transformers"] == 2
        assert workshop.asked[f"reference {LLAVA} by-card"] == 1

    def test_other_weights_are_measured_again(
        self, workshop: Workshop, options: BoardOptions
    ) -> None:
        make_board(options, Sink())
        workshop.weights = "second"
        make_board(options, Sink())
        assert workshop.asked[f"{LLAVA} port"] == 2
        assert workshop.asked[f"reference {LLAVA} by-card"] == 2

    def test_another_port_generator_touches_the_ports_alone(
        self, workshop: Workshop, options: BoardOptions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_board(options, Sink())
        monkeypatch.setattr(sources, "porting", lambda: "other templates")
        make_board(options, Sink())
        assert workshop.asked[f"{LLAVA} port"] == 2
        assert workshop.asked[f"{LLAVA} in-tree"] == 1

    def test_another_engine_is_measured_anew(
        self, workshop: Workshop, options: BoardOptions, tmp_path: Path
    ) -> None:
        make_board(options, Sink())
        write_python(tmp_path, changed(tokenizers={"version": "0.23.4"}))
        make_board(options, Sink())
        assert workshop.asked[f"{LLAVA} in-tree"] == 2

    def test_fresh_measures_all_of_it_again(
        self, workshop: Workshop, options: BoardOptions
    ) -> None:
        make_board(options, Sink())
        make_board(changed_options(options, fresh=True, columns=("in-tree",)), Sink())
        assert workshop.asked[f"{LLAVA} in-tree"] == 2
        assert workshop.asked[f"{LLAVA} port"] == 1
        assert workshop.asked[f"reference {LLAVA} by-card"] == 2

    def test_a_want_of_memory_is_not_kept(self, workshop: Workshop, options: BoardOptions) -> None:
        def verdict(setup: Setup, subject: Subject) -> Evidence:
            raise WorkerOutOfMemory("killed", "free memory")

        workshop.verdict = verdict
        assert statuses(make_board(options, Sink()), LLAVA) == [CellStatus.FAILS] * 3
        workshop.verdict = lambda _, subject: evidence(column=subject.implementation)
        assert statuses(make_board(options, Sink()), LLAVA) == [CellStatus.PASS] * 3

    def test_nothing_is_kept_of_what_was_ended_from_outside(
        self, workshop: Workshop, options: BoardOptions
    ) -> None:
        """A second model's worker dies of the pool's end, which the first one's error brings."""
        begun = threading.Event()

        def verdict(setup: Setup, subject: Subject) -> Evidence:
            if setup.name == LLAVA:
                assert begun.wait(30)
                raise EngineMissing("gone", "install it")
            begun.set()
            while NoPool.open_now:
                threading.Event().wait(0.01)
            raise WorkerFailed("the warm process is being ended", "run it again")

        workshop.verdict = verdict
        with pytest.raises(EngineMissing):
            make_board(changed_options(options, jobs=2), Sink())
        assert options.state is not None
        assert not (options.state / OTHER / "transformers.json").exists()


class TestChoice:
    def test_rows_that_were_not_asked_for_stay_on_the_board(
        self, workshop: Workshop, options: BoardOptions
    ) -> None:
        make_board(changed_options(options, only=(LLAVA, BROKEN)), Sink())
        board = make_board(changed_options(options, only=(OTHER,)), Sink())
        assert [one.model.name for one in board.rows] == [LLAVA, OTHER]
        assert [one.name for one in board.not_built] == [BROKEN]
        assert workshop.asked[f"build {LLAVA}"] == 1

    def test_but_not_those_of_another_mmport(
        self, workshop: Workshop, options: BoardOptions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_board(changed_options(options, only=(LLAVA,)), Sink())
        monkeypatch.setattr(sources, "comparing", lambda: "another referee")
        board = make_board(changed_options(options, only=(OTHER,)), Sink())
        assert [one.model.name for one in board.rows] == [OTHER]

    def test_columns_that_were_not_asked_for_stay_in_their_row(
        self, workshop: Workshop, options: BoardOptions
    ) -> None:
        make_board(changed_options(options, columns=("transformers",)), Sink())
        board = make_board(changed_options(options, columns=("port",)), Sink())
        assert [cell.column for cell in row(board, LLAVA).cells] == ["port", "transformers"]
        assert board.columns == ("port", "transformers")

    def test_a_pattern_is_for_names_and_types(self) -> None:
        assert chosen(()) == named.names()
        assert LLAVA in chosen(("llava",))
        assert chosen((LLAVA,)) == (LLAVA,)
        assert set(chosen(("fast*", "git"))) == {OTHER, BROKEN}

    def test_a_pattern_that_fits_nothing_is_a_mistake(self) -> None:
        with pytest.raises(Usage, match="'gpt9'"):
            chosen(("llava", "gpt9"))


def test_finished_cells_are_told_on_stderr(
    workshop: Workshop, options: BoardOptions, capsys: pytest.CaptureFixture[str]
) -> None:
    make_board(changed_options(options, only=(OTHER, BROKEN)), Sink())
    told = capsys.readouterr()
    assert told.out == ""
    lines = told.err.splitlines()
    assert lines[0].startswith(f"[1/6] {OTHER} / port: refused: ")
    assert lines[2] == f"[3/6] {OTHER} / transformers: pass"
    assert lines[3].startswith(f"[6/6] {BROKEN}: building: WorkerFailed: no such config")


def test_page_and_document_are_written_side_by_side(
    workshop: Workshop, options: BoardOptions, tmp_path: Path
) -> None:
    board = make_board(options, Sink())
    write_board(board, tmp_path / "docs" / "scoreboard.md")
    assert (tmp_path / "docs" / "scoreboard.md").read_text().startswith("# Scoreboard\n")
    document = (tmp_path / "docs" / "scoreboard.json").read_text()
    assert from_json(document, Scoreboard) == board
    assert str(tmp_path) not in document
