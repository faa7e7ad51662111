from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mmport.core.errors import Usage
from mmport.gate.sources import Sources, collect

Tree = Callable[..., Path]


def nothing(path: Path) -> bool:
    return False


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Write empty files; what they are below is the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(*names: str) -> Path:
        for name in names:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        return tmp_path

    return write


def names(sources: Sources) -> tuple[list[str], list[str]]:
    return [str(path) for path in sources.ports], [str(path) for path in sources.files]


def test_a_folder_stands_for_every_module_below_it_in_order(tree: Tree) -> None:
    tree("b.py", "a.py", "sub/deep/c.py", "sub/a.py", "notes.txt")
    assert names(collect([Path()], nothing)) == (
        [],
        ["a.py", "b.py", "sub/a.py", "sub/deep/c.py"],
    )


def test_what_is_not_the_projects_own_is_passed_over(tree: Tree) -> None:
    tree(
        "a.py",
        ".hidden/x.py",
        ".#a.py",
        "__pycache__/x.py",
        "node_modules/x/x.py",
        "env/pyvenv.cfg",
        "env/lib/x.py",
    )
    assert names(collect([Path()], nothing)) == ([], ["a.py"])


def test_a_hidden_folder_that_is_named_is_checked(tree: Tree) -> None:
    tree(".hidden/x.py")
    assert names(collect([Path(".hidden")], nothing)) == ([], [".hidden/x.py"])


def test_ports_are_known_wherever_they_are(tree: Tree) -> None:
    tree("p/mmport.lock", "p/pkg/m.py", "sub/q/mmport.lock", "sub/a.py")
    assert names(collect([Path()], nothing)) == (["p", "sub/q"], ["sub/a.py"])
    assert names(collect([Path("p")], nothing)) == (["p"], [])
    assert names(collect([Path("p/mmport.lock")], nothing)) == (["p"], [])


def test_a_port_that_lost_its_lock_is_still_a_port(tree: Tree) -> None:
    tree("p/evidence/port.json", "p/pkg/m.py")
    assert names(collect([Path("p")], nothing)) == (["p"], [])


def test_each_is_there_once(tree: Tree) -> None:
    top = tree("sub/a.py", "sub/b.py", "p/mmport.lock")
    (top / "link.py").symlink_to("sub/a.py")
    paths = [Path("sub/a.py"), Path("sub/a.py"), top / "sub" / ".." / "sub" / "a.py", Path()]
    paths += [Path("p"), Path("p/mmport.lock")]
    assert names(collect(paths, nothing)) == (["p"], ["sub/a.py", "sub/b.py"])


def test_links_that_lead_in_circles_come_to_an_end(tree: Tree) -> None:
    top = tree("sub/a.py")
    (top / "sub" / "up").symlink_to("..")
    (top / "sub" / "self.py").symlink_to("self.py")
    assert names(collect([Path()], nothing)) == ([], ["sub/a.py", "sub/self.py"])


def test_a_link_to_a_folder_is_followed_if_it_is_named(tree: Tree) -> None:
    top = tree("sub/a.py")
    (top / "link").symlink_to("sub")
    assert names(collect([Path("link")], nothing)) == ([], ["link/a.py"])


def test_what_is_excluded_is_left_out_named_or_not(tree: Tree) -> None:
    tree("a.py", "gen/x.py", "gen/p/mmport.lock", "q/mmport.lock")

    def excluded(path: Path) -> bool:
        return path.name in ("gen", "a.py", "q")

    assert names(collect([Path()], excluded)) == ([], [])
    assert names(collect([Path("a.py"), Path("gen"), Path("q")], excluded)) == ([], [])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent", "there is no absent"),
        ("notes.txt", "notes.txt is not a Python file"),
        ("pipe.py", "pipe.py is neither a file nor a folder"),
        ("broken.py", "broken.py is neither a file nor a folder"),
        ("empty", "nothing to check in empty"),
        ("a\0b", "there is no a"),
    ],
)
def test_what_cannot_be_checked_is_refused(tree: Tree, name: str, message: str) -> None:
    top = tree("notes.txt", "empty/notes.txt")
    os.mkfifo(top / "pipe.py")
    (top / "broken.py").symlink_to("gone.py")
    with pytest.raises(Usage, match=message) as caught:
        collect([Path(name)], nothing)
    assert "name the folder of a port" in caught.value.hint


def test_no_paths_are_refused() -> None:
    with pytest.raises(Usage, match="nothing to check"):
        collect([], nothing)


def test_a_folder_that_cannot_be_listed_is_told(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree("closed/a.py")
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert collect([Path()], nothing).unreadable == ((Path("closed"), "Permission denied"),)
