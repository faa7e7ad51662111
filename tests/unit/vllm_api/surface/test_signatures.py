from __future__ import annotations

import ast
import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmport.vllm_api.surface.signatures import (
    Signature,
    call_of,
    cannot_stand_for,
    dataclass_signature,
    misfits,
    of_stub,
)

NAMES = st.sampled_from("abcde")


@st.composite
def signatures(draw: st.DrawFn, *, open_ended: bool = True) -> str:
    names = draw(st.lists(NAMES, unique=True, max_size=5))
    split = draw(st.integers(0, len(names)))
    first_optional = draw(st.integers(0, split))
    positional = [
        name + ("=..." if place >= first_optional else "")
        for place, name in enumerate(names[:split])
    ]
    keyword = [name + ("=..." if draw(st.booleans()) else "") for name in names[split:]]
    star = open_ended and draw(st.booleans())
    bare = ["*args"] if star else (["*"] if keyword else [])
    rest = ["**kwargs"] if open_ended and draw(st.booleans()) else []
    return f"({', '.join([*positional, *bare, *keyword, *rest])})"


@st.composite
def calls(draw: st.DrawFn) -> str:
    count = draw(st.integers(0, 4))
    names = draw(st.lists(st.sampled_from("abcdez"), unique=True, max_size=4))
    return f"f({', '.join([*['0'] * count, *[f'{name}=0' for name in names]])})"


def function(signature: str) -> Any:
    scope: dict[str, Any] = {}
    exec(f"def f{signature}: ...", scope)
    return scope["f"]


def accepts(signature: str, call: str) -> bool:
    try:
        eval(call, {"f": function(signature)})
    except TypeError:
        return False
    return True


def read(signature: str) -> Signature:
    found = of_stub(f"def {signature}")
    assert found is not None
    return found


def node(call: str) -> ast.Call:
    found = ast.parse(call, mode="eval").body
    assert isinstance(found, ast.Call)
    return found


@given(signatures(), calls())
def test_a_call_fits_just_where_python_takes_it(signature: str, call: str) -> None:
    assert accepts(signature, call) is not bool(misfits(call_of(node(call)), read(signature)))


def calls_of(base: Signature) -> list[str]:
    """Call with all that may be given, and with no more than has to be."""
    least = [one for one in base.positional if not one.optional]
    needed = [f"{one.name}=0" for one in base.keyword if not one.optional]
    every = [f"{one.name}=0" for one in base.keyword]
    return [
        f"f({', '.join([*['0'] * len(base.positional), *every])})",
        f"f({', '.join([*['0'] * len(least), *needed])})",
    ]


@given(signatures(), signatures(open_ended=False))
def test_what_stands_for_another_takes_its_calls(own: str, base: str) -> None:
    by_place = {one.name for one in read(own).positional[: len(read(base).positional)]}
    if by_place & {one.name for one in read(base).keyword}:
        return  # given by place under one name, and by that name as another
    taken = all(accepts(own, call) for call in calls_of(read(base)))
    assert taken or cannot_stand_for(read(own), read(base))


@pytest.mark.parametrize(
    ("call", "signature", "told"),
    [
        ("f(1, 2)", "(a)", "takes one by place, and is given 2"),
        ("f(x=1)", "(a=...)", "takes no 'x'"),
        ("f()", "(a, *, b)", "needs 'a'; needs 'b'"),
        ("f(1, a=1)", "(a)", "is given 'a' twice"),
        ("f(*rest)", "(a, b)", ""),
        ("f(**rest)", "(a, b)", ""),
        ("f(*rest, x=1)", "(a)", "takes no 'x'"),
    ],
)
def test_what_is_said_of_a_call(call: str, signature: str, told: str) -> None:
    assert "; ".join(misfits(call_of(node(call)), read(signature))) == told


@pytest.mark.parametrize(
    ("own", "base", "told"),
    [
        ("(a, b)", "(a, b, c)", "does not take 'c'"),
        ("(a, b, c)", "(a, b)", "wants 'c', which it is not given"),
        ("(a, other)", "(a, b)", ""),
        ("(a, b, **kw)", "(a, b, *, c)", ""),
        ("(a, **kw)", "(a, b)", "does not take 'b'"),
        ("(a, *, b)", "(a)", "wants 'b', which it is not given"),
        ("(a)", "(a, *, b=...)", "does not take 'b'"),
        ("(a, b=...)", "(a)", ""),
    ],
)
def test_what_is_said_of_an_override(own: str, base: str, told: str) -> None:
    found = cannot_stand_for(read(own), read(base))
    assert "; ".join(map(str, found)) == told


def test_what_may_be_left_out_is_told_apart() -> None:
    (found,) = cannot_stand_for(read("(a)"), read("(a, b=...)"))
    assert found.optional


def test_a_dataclass_takes_its_fields() -> None:
    made = dataclass_signature((("a", False), ("b", True)))
    assert (made.required, made.names) == (("a",), ("a", "b"))


def test_no_function_no_signature() -> None:
    assert of_stub("class(Base)") is None
    assert of_stub("property") is None
    assert of_stub("abstract classmethod def (cls, a)") == read("(cls, a)")
    assert inspect.signature(function("(a)")).parameters
