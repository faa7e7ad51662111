from __future__ import annotations

import ast
from pathlib import Path
from textwrap import dedent

import pytest

from mmport.core.source_tree import SourceTree

SOURCE = {
    "p/__init__.py": "from .a import A as Exported",
    "p/a.py": """
        try:
            from .sub.b import B
        except ImportError:
            B = None
        class A(B[int], Missing): ...
        Alias = A
    """,
    "p/sub/__init__.py": "",
    "p/sub/b.py": "from ..loop import C\nclass B(C): ...",
    "p/loop.py": "from .a import A\nfrom .loop import D\nclass C(A): ...",
}


@pytest.fixture
def tree(tmp_path: Path) -> SourceTree:
    for name, text in SOURCE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return SourceTree(tmp_path)


@pytest.mark.parametrize(("module", "name"), [("p", "Exported"), ("p.a", "Alias"), ("p.a", "A")])
def test_a_class_is_found_through_imports_and_aliases(
    tree: SourceTree, module: str, name: str
) -> None:
    found = tree.find_class(module, name)
    assert found is not None
    assert (found.module, found.node.name) == ("p.a", "A")


@pytest.mark.parametrize(
    ("module", "name"), [("p.a", "Nothing"), ("p.absent", "A"), ("p.loop", "D")]
)
def test_what_is_not_there(tree: SourceTree, module: str, name: str) -> None:
    assert tree.find_class(module, name) is None


def test_the_lineage_of_a_circle_ends(tree: SourceTree) -> None:
    found = tree.find_class("p.a", "A")
    assert found is not None
    assert [item.node.name for item in tree.lineage(found)] == ["A", "B", "C"]


def test_modules_are_parsed_once(tree: SourceTree) -> None:
    assert isinstance(tree.module("p.a"), ast.Module)
    assert tree.module("p.a") is tree.module("p.a")
