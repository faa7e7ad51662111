"""Our walk gives what Python's gives, in its order, but for contexts."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mmport
from mmport.usage.walking import walk

ALL_KINDS = '''
"""Words."""
from . import one as other
import two.three

@decorated(1, *some, named=2, **rest)
async def function(first, /, second: int = 1, *args, third=None, **kwargs) -> str:
    global word
    async with opened() as file, other:
        async for x in [y async for y in z if y]:
            yield {**x, "a": -1, "b": not (x and y)}
    try:
        value = await (lambda a: a + 1)(f"{word!r:>{width}}")
    except (A, B) as error:
        raise error from None
    else:
        del a.b, c[1:2:3, ...]
    finally:
        assert x < y <= z, "no"

class Item(Base, metaclass=Meta):
    field: int = 3
    total += 1
    match field:
        case [1, *rest] | {"a": b, **others} if others:
            pass
        case Point(0, y=None) as point:
            found = (n := 1) if point else {i for i in ()}
'''
SOURCES = sorted((Path(mmport.__file__).parent / "usage").glob("*.py"))


@pytest.mark.parametrize(
    "text", [ALL_KINDS, *(one.read_text("utf-8") for one in SOURCES)], ids=lambda one: one[:20]
)
def test_the_nodes_are_those_of_python(text: str) -> None:
    tree = ast.parse(text)
    whole = [one for one in ast.walk(tree) if not isinstance(one, ast.expr_context)]
    assert walk(tree) == whole
