from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

import msgspec
import pytest

from mmport.core.jsonable import from_builtins, from_json, to_builtins, to_json


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Leaf:
    colour: Colour
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Tree:
    name: str
    leaves: tuple[Leaf, ...]
    best: Leaf | None = None


TREE = Tree("oak ☃", (Leaf(Colour.RED, (1, 2)), Leaf(Colour.RED)), Leaf(Colour.RED))


def test_json_is_indented_and_ends_in_a_newline() -> None:
    text = to_json(Leaf(Colour.RED, (1,)))
    assert text == '{\n  "colour": "red",\n  "sizes": [\n    1\n  ]\n}\n'


def test_a_value_goes_to_json_and_back() -> None:
    assert from_json(to_json(TREE), Tree) == TREE
    assert from_builtins(to_builtins(TREE), Tree) == TREE
    assert to_json(to_builtins(TREE)) == to_json(TREE)


@pytest.mark.parametrize(
    "data",
    [
        {"name": "x"},
        {"name": 1, "leaves": []},
        {"name": "x", "leaves": [{"colour": "green"}]},
        {"name": "x", "leaves": [{"colour": "red", "sizes": ["1"]}]},
    ],
)
def test_a_missing_field_or_another_type_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        from_builtins(data, Tree)
    with pytest.raises(msgspec.ValidationError):
        from_json(json.dumps(data), Tree)


def test_broken_json_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        from_json('{"name": ', Tree)
