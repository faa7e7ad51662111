from __future__ import annotations

from pathlib import Path

import pytest

import mmport
from mmport.scoreboard import sources

ROOT = Path(mmport.__file__).parent


def names_reached(folder: str, *names: str) -> set[str]:
    return {path.stem for path in sources.reached_from(ROOT / folder, names)}


def test_workers_that_answer_are_reached_and_the_builder_is_not() -> None:
    reached = names_reached("workers", "hf", "vllm_engine", "runner")
    assert {"hf", "vllm_engine", "runner", "exchange", "images"} <= reached
    assert not {"build_tiny", "warm"} & reached


def test_what_judges_is_reached_and_what_prints_is_not() -> None:
    reached = names_reached("verification", "run", "facts")
    assert {"run", "referee", "outputs", "bounds", "judging"} <= reached
    assert "report" not in reached


def test_relative_imports_of_every_form_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_ROOT", tmp_path / "root")
    folder = tmp_path / "root" / "part"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("from . import b\nfrom .c import x\n")
    (folder / "b.py").write_text("def f():\n    from root.part import d\n    import os\n")
    (folder / "c.py").write_text("from root.part.e import y\nfrom os.path import join\n")
    for name in ("d", "e", "f"):
        (folder / f"{name}.py").write_text("from .a import z\n")
    reached = sources.reached_from(folder, ["a"])
    assert [path.stem for path in reached] == ["a", "b", "c", "d", "e"]


def test_a_folders_hash_is_of_names_and_contents_and_leaves_one_file_out(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text("1")
    (tmp_path / "weights").write_text("1")
    first = sources.folder_hash(tmp_path, without="card.json")
    (tmp_path / "card.json").write_text("2")
    assert sources.folder_hash(tmp_path, without="card.json") == first
    (tmp_path / "weights").write_text("2")
    second = sources.folder_hash(tmp_path, without="card.json")
    (tmp_path / "weights").rename(tmp_path / "other")
    third = sources.folder_hash(tmp_path, without="card.json")
    assert len({first, second, third}) == 3


def test_each_hash_is_of_something_else() -> None:
    assert len({sources.comparing(), sources.porting(), sources.building()}) == 3
