"""Examples of a page, from the cases of a codemod's tests."""

from __future__ import annotations

from pathlib import Path

from mmport.generation.diff import unified_diff


def example(cases: Path, title: str) -> list[str]:
    """The shortest case of a folder, as a diff under a heading; nothing where there is none."""
    found = sorted(cases.glob("*.after.py"), key=_size)
    if not found:
        return []
    before = found[0].with_name(found[0].name.replace(".after.", ".before."))
    diff = unified_diff("finch.py", before.read_text("utf-8"), found[0].read_text("utf-8"))
    return [f"### {title}\n", f"```diff\n{diff}```\n"]


def _size(path: Path) -> tuple[int, str]:
    return path.stat().st_size, path.name
