from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mmport.core.errors import EditedFiles, Objection, TargetUnwritable
from mmport.gate.check import check_port
from mmport.generation.accept import accept
from mmport.generation.lock import record_evidence
from mmport.generation.staging import hand_over, staged_copy
from mmport.generation.update import Update, plan_update
from mmport.model.spec import FeatureSpec
from tests.golden.cases import load_spec, plan_of, port_of
from tests.unit.generation.ports import append, evidence_of, snapshot, write_port

MODEL = "llava_vllm/llava.py"


def update_of(folder: Path, *, force: bool = False) -> Update:
    """Plan the port of the same architecture with another lock."""
    spec = load_spec(features=FeatureSpec((-1,), "full"))
    return plan_update(folder, plan_of(spec), spec, force=force)


def prove(update: Update, *, touch: Path | None = None) -> None:
    with staged_copy(update) as stage:
        record_evidence(stage, evidence_of(stage))
        if touch is not None:
            append(touch, "# in the meantime\n")
        hand_over(update, stage)


def test_a_new_port_is_staged_beside_its_place_and_handed_over_proven(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "port"
    update = update_of(folder)
    with staged_copy(update) as stage:
        assert stage.is_relative_to(tmp_path)
        assert not folder.parent.exists()
        assert set(snapshot(stage)) == {*port_of(load_spec()), "mmport.lock"}
        record_evidence(stage, evidence_of(stage))
        hand_over(update, stage)
    assert check_port(folder) == ()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert [path.name for path in folder.parent.iterdir()] == ["port"]


def test_what_is_not_handed_over_leaves_nothing(tmp_path: Path) -> None:
    with staged_copy(update_of(tmp_path / "a" / "port")):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_there_is_updated_with_the_users_modules(tmp_path: Path) -> None:
    write_port(tmp_path)
    (tmp_path / "llava_vllm" / "extra.py").write_text("X = 1\n")
    (tmp_path / "llava_vllm" / "data.bin").write_bytes(b"\xff")
    (tmp_path / "notes.txt").write_text("mine\n")
    append(tmp_path / MODEL, "# mine\n")
    accept(tmp_path)
    update = update_of(tmp_path)
    with staged_copy(update) as stage:
        staged = snapshot(stage)
        assert staged["llava_vllm/data.bin"] == b"\xff"
        assert staged["llava_vllm/extra.py"] == b"X = 1\n"
        assert staged[MODEL].endswith(b"# mine\n")
        assert "notes.txt" not in staged
        record_evidence(stage, evidence_of(stage))
        hand_over(update, stage)
    assert check_port(tmp_path) == ()
    assert (tmp_path / "notes.txt").read_text() == "mine\n"


@pytest.mark.parametrize("path", [MODEL, "README.md", "mmport.lock", "llava_vllm/extra.py"])
def test_a_port_that_changed_in_the_meantime_is_left_alone(tmp_path: Path, path: str) -> None:
    write_port(tmp_path)
    (tmp_path / "llava_vllm" / "extra.py").write_text("X = 1\n")
    accept(tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(Objection, match=f"{path} in .* changed while"):
        prove(update_of(tmp_path), touch=tmp_path / path)
    after = snapshot(tmp_path)
    assert after.pop(path) == before.pop(path) + b"# in the meantime\n"
    assert after == before


def test_edits_are_never_overwritten(tmp_path: Path) -> None:
    write_port(tmp_path)
    append(tmp_path / MODEL, "# mine\n")
    before = snapshot(tmp_path)
    with pytest.raises(EditedFiles):
        prove(update_of(tmp_path))
    assert snapshot(tmp_path) == before
    prove(update_of(tmp_path, force=True))
    assert check_port(tmp_path) == ()


def test_a_file_that_is_no_longer_generated_is_not_proven(tmp_path: Path) -> None:
    write_port(tmp_path)
    update = update_of(tmp_path)
    (obsolete,) = (item for item in update.changes if item.path == "llava_vllm/__init__.py")
    gone = dataclasses.replace(obsolete, after=None)
    changes = tuple(gone if item is obsolete else item for item in update.changes)
    with staged_copy(dataclasses.replace(update, changes=changes)) as stage:
        assert "llava_vllm/__init__.py" not in snapshot(stage)


def test_a_place_that_takes_no_files_is_told_before_the_proof() -> None:
    update = update_of(Path("/proc/mmport/port"))
    wanted = pytest.raises(TargetUnwritable, match="/proc/mmport/port cannot be written")
    with wanted, staged_copy(update):
        pass
