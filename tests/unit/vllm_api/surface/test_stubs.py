from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from mmport.vllm_api.surface.stubs import ModuleName, read_stubs

MODULE = ModuleName("vllm.multimodal.here")


def stubs(text: str, module: ModuleName = MODULE, **options: bool) -> dict[str, str]:
    return read_stubs(ast.parse(dedent(text)), module, **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(a, b=1, *, c, d=None, **kw): ...", {"f": "def (a, b=..., *, c, d=..., **kw)"}),
        ("def f(a, /, *rest: int): ...", {"f": "def (a, /, *rest)"}),
        ("async def f(): ...", {"f": "def ()"}),
        ("class A(Base[int], nn.Module, metaclass=M): ...", {"A": "class(Base, nn.Module)"}),
        ("@dataclass(frozen=True)\nclass A: ...", {"A": "dataclass()"}),
        ("from .other import A", {"A": "from vllm.multimodal.other"}),
        ("from ..config import A as B", {"B": "from vllm.config:A"}),
        ("from . import other", {"other": "from vllm.multimodal"}),
        ("import vllm.envs as envs", {"envs": "module vllm.envs"}),
        ("import vllm.envs", {"vllm": "module vllm"}),
        ("from transformers import CLIPVisionConfig", {"CLIPVisionConfig": "import"}),
        ("import torch, sys\nfrom typing import Any\nfrom PIL import Image", {"Image": "import"}),
        ("REGISTRY = MultiModalRegistry()", {"REGISTRY": "new MultiModalRegistry"}),
        ("logger = init_logger(__name__)", {"logger": "var"}),
        ("T = TypeVar('T')", {"T": "new TypeVar"}),
        ("Old = New", {"Old": "from :New"}),
        ("a, (b, c) = 1, (2, 3)", {"a": "var", "b": "var", "c": "var"}),
        ("x: int", {"x": "var"}),
    ],
)
def test_what_a_statement_binds(text: str, expected: dict[str, str]) -> None:
    assert stubs(text) == expected


def test_members_of_a_class() -> None:
    found = stubs("""
        class A:
            flag: ClassVar[bool] = True
            size: int
            other = 3
            class Inner: ...
            @abstractmethod
            def must(self, a): ...
            @classmethod
            @abc.abstractmethod
            def make(cls): ...
            @staticmethod
            def plain(a): ...
            @property
            def name(self): ...
            @name.setter
            def name(self, value): ...
            @overload
            def twice(self, a: int): ...
            def twice(self, a, b=None): ...
            if TYPE_CHECKING:
                def typed(self): ...
    """)
    assert found == {
        "A": "class()",
        "A.flag": "field=",
        "A.size": "field",
        "A.other": "field=",
        "A.Inner": "var",
        "A.must": "abstract def (self, a)",
        "A.make": "abstract classmethod def (cls)",
        "A.plain": "staticmethod def (a)",
        "A.name": "property",
        "A.twice": "def (self, a, b=...)",
        "A.typed": "def (self)",
    }


def test_types_are_kept_where_they_are_asked_for() -> None:
    text = "def f(a: Mapping[str, int], b: int | None = None): ..."
    assert stubs(text, annotated=True) == {"f": "def (a: Mapping[str, int], b: int | None = ...)"}


def test_without_members_only_what_makes_a_dataclass_is_kept() -> None:
    text = """
        class A:
            def f(self): ...
        @dataclass
        class B:
            x: int
            y: int = 0
    """
    found = stubs(text, members=False)
    assert found == {"A": "class()", "B": "dataclass()", "B.x": "field", "B.y": "field="}


def test_of_branches_the_one_that_says_most_is_kept() -> None:
    text = """
        try:
            from vllm.fast import f
        except ImportError:
            f = None
        if fast:
            def g(a): ...
        else:
            def g(a, b): ...
        h = None
        def h(a): ...
        def twice(a): ...
        def twice(b): ...
    """
    found = stubs(text)
    assert (found["f"], found["g"]) == ("from vllm.fast", "def (a)")
    assert (found["h"], found["twice"]) == ("def (a)", "def (b)")


def test_everything_of_another_module() -> None:
    package = ModuleName("vllm.inputs", is_package=True)
    assert list(stubs("from .data import *", package).values()) == ["from vllm.inputs.data"]
    assert next(iter(stubs("from .data import *", package))).startswith("* ")
