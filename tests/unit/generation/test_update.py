from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mmport.core import files
from mmport.core.errors import EditedFiles, PortUnreadable, TargetUnwritable, Usage
from mmport.generation import lock as lock_module
from mmport.generation import update as update_module
from mmport.generation.accept import accept
from mmport.generation.lock import lock_text, read_lock
from mmport.generation.update import State, apply_update, check_folder, plan_update
from mmport.model.evidence import FileHash
from mmport.model.lock import LOCK_NAME
from mmport.model.plan import PortPlan
from mmport.model.spec import VlmSpec
from tests.golden.cases import load_spec, plan_of, port_of
from tests.unit.generation.ports import append, snapshot, write_port

MODEL = "llava_vllm/llava.py"


def states(folder: Path, spec: VlmSpec | None = None, *, force: bool = False) -> dict[str, State]:
    spec = spec or load_spec()
    update = plan_update(folder, plan_of(spec), spec, force=force)
    return {change.path: change.state for change in update.changes}


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> str:
    """Stand in for a newer mmport, whose templates begin the model with another line."""

    def render(plan: PortPlan, spec: VlmSpec) -> dict[str, str]:
        port = port_of(spec, plan.layout)
        return port | {plan.model_file: f"# newer\n{port[plan.model_file]}"}

    monkeypatch.setattr(update_module, "render_port", render)
    monkeypatch.setattr(lock_module, "__version__", "99.0")
    return "# newer\n"


def test_a_new_port_appears_whole(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "port"
    write_port(folder)
    assert set(snapshot(folder)) == {*port_of(load_spec()), LOCK_NAME}
    assert list((tmp_path / "a").iterdir()) == [folder]


@pytest.mark.parametrize("layout", ["plugin", "file"])
def test_a_second_run_changes_not_a_byte(tmp_path: Path, layout: str) -> None:
    write_port(tmp_path, layout=layout)  # type: ignore[arg-type]
    before = snapshot(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    write_port(tmp_path, layout=layout)  # type: ignore[arg-type]
    assert snapshot(tmp_path) == before
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == times


def test_files_of_the_users_own_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "llava_vllm").mkdir()
    (tmp_path / "llava_vllm" / "extra.py").write_text("x = 1\n")
    (tmp_path / "notes.txt").write_text("mine\n")
    write_port(tmp_path)
    write_port(tmp_path, force=True)
    assert (tmp_path / "llava_vllm" / "extra.py").read_text() == "x = 1\n"
    assert (tmp_path / "notes.txt").read_text() == "mine\n"


def test_an_edited_file_is_not_overwritten_and_nothing_else_is(tmp_path: Path) -> None:
    write_port(tmp_path)
    append(tmp_path / MODEL, "# mine\n")
    (tmp_path / "README.md").unlink()
    before = snapshot(tmp_path)
    with pytest.raises(EditedFiles, match=MODEL) as caught:
        write_port(tmp_path)
    assert "mmport accept" in caught.value.hint
    assert "--force" in caught.value.hint
    assert snapshot(tmp_path) == before


def test_force_overwrites_an_edited_file(tmp_path: Path) -> None:
    write_port(tmp_path)
    pristine = snapshot(tmp_path)
    append(tmp_path / MODEL, "# mine\n")
    assert states(tmp_path, force=True)[MODEL] is State.OVERWRITTEN
    write_port(tmp_path, force=True)
    assert snapshot(tmp_path) == pristine


def test_a_file_in_the_place_of_a_generated_one_counts_as_edited(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# My project\n")
    with pytest.raises(EditedFiles, match=r"README.md"):
        write_port(tmp_path)
    assert snapshot(tmp_path) == {"README.md": b"# My project\n"}


def test_bytes_that_are_no_text_count_as_edited(tmp_path: Path) -> None:
    write_port(tmp_path)
    (tmp_path / "README.md").write_bytes(b"\xff\xfe\r\n")
    with pytest.raises(EditedFiles, match=r"README.md"):
        write_port(tmp_path)
    assert (tmp_path / "README.md").read_bytes() == b"\xff\xfe\r\n"


def test_a_deleted_file_is_written_again(tmp_path: Path) -> None:
    write_port(tmp_path)
    pristine = snapshot(tmp_path)
    (tmp_path / MODEL).unlink()
    assert states(tmp_path)[MODEL] is State.NEW
    write_port(tmp_path)
    assert snapshot(tmp_path) == pristine


def test_an_outdated_file_is_replaced(tmp_path: Path, newer: str) -> None:
    files.write_tree(tmp_path, port_of(load_spec()))
    spec = load_spec()
    old = lock_module.new_lock(plan_of(spec), spec, port_of(spec))
    files.write_text(tmp_path / LOCK_NAME, lock_text(old))
    assert states(tmp_path)[MODEL] is State.OUTDATED
    write_port(tmp_path)
    assert (tmp_path / MODEL).read_text().startswith(newer)
    assert read_lock(tmp_path).versions.mmport == "99.0"


def accepted_edit(folder: Path, edit: str, *, at_the_top: bool = False) -> None:
    write_port(folder)
    text = (folder / MODEL).read_text()
    (folder / MODEL).write_text(edit + text if at_the_top else text + edit)
    accept(folder)


def test_an_accepted_edit_stays(tmp_path: Path) -> None:
    accepted_edit(tmp_path, "# mine\n")
    before = snapshot(tmp_path)
    assert states(tmp_path)[MODEL] is State.ACCEPTED
    write_port(tmp_path)
    write_port(tmp_path, force=True)
    assert snapshot(tmp_path) == before


def test_an_accepted_edit_is_carried_over(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    accepted_edit(tmp_path, "# mine\n")
    request.getfixturevalue("newer")
    assert states(tmp_path)[MODEL] is State.MERGED
    write_port(tmp_path)
    text = (tmp_path / MODEL).read_text()
    assert text.startswith("# newer\n")
    assert text.endswith("# mine\n")
    before = snapshot(tmp_path)
    assert states(tmp_path)[MODEL] is State.ACCEPTED
    write_port(tmp_path)
    assert snapshot(tmp_path) == before


def test_a_conflict_is_marked_and_has_to_be_settled(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    accepted_edit(tmp_path, "# mine\n", at_the_top=True)
    request.getfixturevalue("newer")
    spec = load_spec()
    update = plan_update(tmp_path, plan_of(spec), spec)
    assert update.conflicts == (MODEL,)
    apply_update(update)
    text = (tmp_path / MODEL).read_text()
    assert text.startswith("<<<<<<< your edit\n# mine\n=======\n# newer\n>>>>>>>")
    with pytest.raises(EditedFiles, match=MODEL):
        write_port(tmp_path)
    assert (tmp_path / MODEL).read_text() == text

    settled = "# newer\n# mine\n" + text.partition(">>>>>>> generated by mmport\n")[2]
    (tmp_path / MODEL).write_text(settled)
    accept(tmp_path)
    write_port(tmp_path)
    assert (tmp_path / MODEL).read_text() == settled


def test_an_accepted_edit_that_was_edited_again_is_edited(tmp_path: Path) -> None:
    accepted_edit(tmp_path, "# mine\n")
    append(tmp_path / MODEL, "# more\n")
    assert states(tmp_path)[MODEL] is State.EDITED
    accept(tmp_path)
    assert states(tmp_path)[MODEL] is State.ACCEPTED


def test_a_file_that_is_no_longer_generated_goes_if_it_was_not_edited(tmp_path: Path) -> None:
    write_port(tmp_path)
    lock = read_lock(tmp_path)
    for path, text in {"old/gone.py": "x = 1\n", "old/kept.py": "y = 1\n"}.items():
        files.write_text(tmp_path / path, text)
        lock = dataclasses.replace(
            lock, files=(*lock.files, FileHash(path, files.sha256_text(text)))
        )
    files.write_text(tmp_path / LOCK_NAME, lock_text(lock))
    append(tmp_path / "old" / "kept.py", "# mine\n")
    assert states(tmp_path)["old/gone.py"] is State.OBSOLETE
    write_port(tmp_path)
    assert not (tmp_path / "old" / "gone.py").exists()
    assert (tmp_path / "old" / "kept.py").read_text() == "y = 1\n# mine\n"
    (tmp_path / "old" / "kept.py").unlink()


def test_another_port_is_not_written_over_the_first(tmp_path: Path) -> None:
    write_port(tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(Usage, match="holds the port of Llava"):
        write_port(tmp_path, load_spec(architecture="OtherForConditionalGeneration"), force=True)
    with pytest.raises(Usage, match="layout plugin"):
        write_port(tmp_path, layout="file")
    assert snapshot(tmp_path) == before


def test_another_checkpoint_of_the_architecture_is_an_update(tmp_path: Path) -> None:
    write_port(tmp_path)
    write_port(tmp_path, load_spec("siglip_qwen2"))
    assert b"SiglipVisionModel" in snapshot(tmp_path)[MODEL]
    assert read_lock(tmp_path).spec == load_spec("siglip_qwen2")


def test_versions_that_made_no_difference_are_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_port(tmp_path)
    before = snapshot(tmp_path)
    monkeypatch.setattr(lock_module, "__version__", "99.0")
    write_port(tmp_path)
    assert snapshot(tmp_path) == before


def test_a_damaged_lock_stops_everything(tmp_path: Path) -> None:
    write_port(tmp_path)
    (tmp_path / LOCK_NAME).write_text("schema =")
    before = snapshot(tmp_path)
    with pytest.raises(PortUnreadable, match="damaged"):
        write_port(tmp_path, force=True)
    assert snapshot(tmp_path) == before


def test_a_place_that_can_be_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "port" / "deep"):
        with pytest.raises(TargetUnwritable, match="file is not a folder"):
            check_folder(folder)
        with pytest.raises(TargetUnwritable, match="file is not a folder"):
            write_port(folder)
    assert set(snapshot(tmp_path)) == {"file"}


def test_a_folder_in_the_place_of_a_file_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "tests" / "test_smoke.py").mkdir(parents=True)
    with pytest.raises(TargetUnwritable, match=r"test_smoke.py cannot be read"):
        write_port(tmp_path)
    assert snapshot(tmp_path) == {}


def test_a_file_in_the_place_of_a_folder_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "tests").write_text("mine")
    with pytest.raises(TargetUnwritable, match="tests is not a folder"):
        write_port(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["tests"]


def test_a_failure_half_way_restores_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_port(tmp_path)
    before = snapshot(tmp_path)
    write = files.write_text

    def fail_at_the_lock(path: Path, text: str) -> None:
        if path.name == LOCK_NAME:
            raise TargetUnwritable("disk full", "make room")
        write(path, text)

    monkeypatch.setattr(files, "write_text", fail_at_the_lock)
    with pytest.raises(TargetUnwritable, match="disk full"):
        write_port(tmp_path, load_spec("siglip_qwen2"))
    assert snapshot(tmp_path) == before


def of_source(name: str) -> VlmSpec:
    spec = load_spec("siglip_qwen2")
    source = dataclasses.replace(spec.source, kind="local", name=name, revision=None)
    return dataclasses.replace(spec, source=source)


def test_a_local_model_whose_folder_was_renamed_changes_nothing(tmp_path: Path) -> None:
    write_port(tmp_path, of_source("model"))
    update = plan_update(tmp_path, plan_of(of_source("copy")), of_source("copy"))
    assert update.pending == ()


def test_another_model_in_a_folder_of_the_same_name_is_recorded(tmp_path: Path) -> None:
    write_port(tmp_path, of_source("model"))
    spec = of_source("model")
    other = dataclasses.replace(spec, source=dataclasses.replace(spec.source, files=()))
    assert LOCK_NAME in {item.path for item in plan_update(tmp_path, plan_of(other), other).pending}


def test_a_module_that_comes_to_be_generated_meets_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_port(tmp_path)
    (tmp_path / "llava_vllm" / "extra.py").write_text("mine = 1\n")
    accept(tmp_path)
    monkeypatch.setattr(
        update_module,
        "render_port",
        lambda plan, spec: port_of(spec) | {"llava_vllm/extra.py": "generated = 1\n"},
    )
    assert states(tmp_path)["llava_vllm/extra.py"] is State.CONFLICT
