from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmport.generation.diff import unified_diff

TEXTS = st.text("ab\n\x0c\r", max_size=30)


def test_equal_texts_give_nothing() -> None:
    assert unified_diff("f", "a\n", "a\n") == ""


def test_a_new_and_a_removed_file_name_the_null_device() -> None:
    assert unified_diff("f", None, "a\n").startswith("--- /dev/null\n+++ b/f\n")
    assert unified_diff("f", "a\n", None).startswith("--- a/f\n+++ /dev/null\n")


@settings(max_examples=40, deadline=None)
@given(before=TEXTS.filter(bool), after=TEXTS.filter(bool))
def test_patch_reads_the_diff(
    tmp_path_factory: pytest.TempPathFactory, before: str, after: str
) -> None:
    if before == after:
        return
    folder: Path = tmp_path_factory.mktemp("patch")
    (folder / "f").write_bytes(before.encode())
    diff = unified_diff("f", before, after)
    subprocess.run(
        ["git", "apply", "--unsafe-paths", "--whitespace=nowarn", "-"],
        cwd=folder,
        input=diff.encode(),
        check=True,
        timeout=30,
    )
    assert (folder / "f").read_bytes() == after.encode()
