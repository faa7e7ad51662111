from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mmport.core.errors import TargetUnwritable
from mmport.core.files import (
    copy_folder,
    require_writable,
    sha256_file,
    sha256_text,
    staged_folder,
    write_text,
    write_tree,
)


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Give every path under `folder`, with its bytes (None for a folder)."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.fixture
def fail_replacing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Make the renaming of a file onto the name given fail, as a full disk would."""

    def arrange(victim: str) -> None:
        replace = Path.replace

        def failing(self: Path, target: Path) -> Path:
            if target.name == victim:
                raise OSError(28, "No space left on device")
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", failing)

    return arrange


def test_the_hash_of_a_text_is_that_of_its_file(tmp_path: Path) -> None:
    text = "café\r\nnewlines stay\n"
    write_text(tmp_path / "a", text)
    assert (tmp_path / "a").read_bytes() == text.encode()
    assert sha256_file(tmp_path / "a") == sha256_text(text)
    assert sha256_text(text) == hashlib.sha256(text.encode()).hexdigest()


def test_write_text_makes_folders_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.txt"
    write_text(path, "one")
    write_text(path, "two")
    assert snapshot(tmp_path) == {"a": None, "a/b": None, "a/b/c.txt": b"two"}


def test_write_text_honours_the_umask_and_keeps_a_files_permissions(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "new", "")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
    (tmp_path / "new").chmod(0o755)
    write_text(tmp_path / "new", "#!/bin/sh\n")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o755


def test_write_text_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, fail_replacing: Callable[[str], None]
) -> None:
    (tmp_path / "old").write_text("old")
    fail_replacing("old")
    with pytest.raises(TargetUnwritable, match="No space left on device") as caught:
        write_text(tmp_path / "old", "new")
    assert str(tmp_path / "old") in caught.value.what
    assert snapshot(tmp_path) == {"old": b"old"}


def test_write_text_that_fails_removes_the_folders_that_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> tuple[int, str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkstemp", full)
    with pytest.raises(TargetUnwritable):
        write_text(tmp_path / "a" / "b" / "c.txt", "text")
    assert snapshot(tmp_path) == {}


def test_write_text_that_is_not_utf8_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a" / "b", "\ud800")
    assert snapshot(tmp_path) == {}


def test_write_text_under_a_file_is_unwritable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetUnwritable) as caught:
        write_text(tmp_path / "file" / "a", "text")
    assert caught.value.exit_code == 3
    assert snapshot(tmp_path) == {"file": b""}


def test_write_tree_makes_a_folder_whole(tmp_path: Path) -> None:
    write_tree(tmp_path / "deep" / "port", {"a": "1", "b/c": "2"})
    assert snapshot(tmp_path / "deep") == {
        "port": None,
        "port/a": b"1",
        "port/b": None,
        "port/b/c": b"2",
    }


def test_write_tree_that_fails_leaves_no_new_folder(
    tmp_path: Path, fail_replacing: Callable[[str], None]
) -> None:
    fail_replacing("c")
    with pytest.raises(TargetUnwritable):
        write_tree(tmp_path / "deep" / "port", {"a": "1", "b/c": "2"})
    assert snapshot(tmp_path) == {}


def test_write_tree_that_fails_restores_a_folder_that_was_there(
    tmp_path: Path, fail_replacing: Callable[[str], None]
) -> None:
    write_tree(tmp_path / "port", {"a": "old", "keep": "mine"})
    before = snapshot(tmp_path)
    fail_replacing("z")
    with pytest.raises(TargetUnwritable):
        write_tree(tmp_path / "port", {"a": "new", "made/b": "new", "z": "new"})
    assert snapshot(tmp_path) == before


def test_write_tree_leaves_files_that_it_was_not_given(tmp_path: Path) -> None:
    write_tree(tmp_path, {"a": "old", "keep": "mine"})
    write_tree(tmp_path, {"a": "new"})
    assert snapshot(tmp_path) == {"a": b"new", "keep": b"mine"}


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/tmp/evil"])
@pytest.mark.parametrize("there", [True, False])
def test_write_tree_refuses_paths_that_leave_the_folder(
    tmp_path: Path, name: str, there: bool
) -> None:
    if there:
        (tmp_path / "port").mkdir()
    before = snapshot(tmp_path)
    with pytest.raises(ValueError, match="leaves the folder"):
        write_tree(tmp_path / "port", {"a": "fine", name: "not"})
    assert snapshot(tmp_path) == before


def test_staged_folder_appears_whole_and_replaces(tmp_path: Path) -> None:
    port = tmp_path / "port"
    port.mkdir()
    (port / "stale").write_text("")
    with staged_folder(port) as stage:
        (stage / "a").write_text("1")
        assert (port / "stale").exists()
    assert snapshot(tmp_path) == {"port": None, "port/a": b"1"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_staged_folder_that_is_interrupted_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException]
) -> None:
    write_tree(tmp_path / "port", {"a": "old"})
    before = snapshot(tmp_path)

    def interrupted(folder: Path) -> None:
        with staged_folder(folder) as stage:
            (stage / "b").write_text("half")
            raise error

    for folder in (tmp_path / "port", tmp_path / "new" / "port"):
        with pytest.raises(error):
            interrupted(folder)
        assert snapshot(tmp_path) == before


def test_staged_folder_that_cannot_take_its_place_keeps_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tree(tmp_path / "port", {"a": "old"})
    before = snapshot(tmp_path)
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if target == tmp_path / "port" and (self / "b").exists():
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(TargetUnwritable), staged_folder(tmp_path / "port") as stage:
        (stage / "b").write_text("new")
    assert snapshot(tmp_path) == before


def test_staged_folder_that_must_not_replace_leaves_who_came_first(tmp_path: Path) -> None:
    with staged_folder(tmp_path / "cache", replace=False) as stage:
        (stage / "a").write_text("mine")
        write_tree(tmp_path / "cache", {"a": "theirs"})
    assert snapshot(tmp_path) == {"cache": None, "cache/a": b"theirs"}


def test_staged_folder_that_must_not_replace_appears_where_nobody_came(tmp_path: Path) -> None:
    with staged_folder(tmp_path / "cache", replace=False) as stage:
        (stage / "a").write_text("mine")
    assert snapshot(tmp_path) == {"cache": None, "cache/a": b"mine"}


def test_copy_folder_replaces_whole(tmp_path: Path) -> None:
    write_tree(tmp_path / "from", {"a": "1", "b/c": "2"})
    write_tree(tmp_path / "to", {"stale": "0"})
    copy_folder(tmp_path / "from", tmp_path / "to")
    assert snapshot(tmp_path / "to") == {"a": b"1", "b": None, "b/c": b"2"}


def test_staged_folder_with_an_unwritable_parent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetUnwritable), staged_folder(tmp_path / "file" / "port"):
        pytest.fail("it was given a folder that cannot be")
    assert snapshot(tmp_path) == {"file": b""}


def test_a_place_that_could_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    require_writable(tmp_path / "a" / "b" / "page.md")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_could_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetUnwritable):
        require_writable(tmp_path / "file" / "page.md")
