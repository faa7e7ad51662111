"""What a step of a rewrite is, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import libcst as cst

from mmport.codemods.outcome import Outcome
from mmport.codemods.rewrite.graft import Graft

Risk = Literal["none", "low", "review"]


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What is to be done: to which class, with what.

    `architecture` is what vLLM knows the model by. `in_vllm`: the file is one of
    vLLM's own models, where relative imports hold; elsewhere `siblings` names the
    modules that lie beside it.
    """

    class_name: str
    graft: Graft
    architecture: str
    in_vllm: bool = False
    siblings: frozenset[str] = field(default_factory=frozenset)
    table: str = ""
    """The module of a table in which the release wants an out-of-tree architecture."""
    by_name: bool = True
    """The release's registry takes the name of a class as well as the class."""
    mapper: str = ""
    """The user's own function that maps items to tensors; empty: vLLM's."""


@dataclass(frozen=True, slots=True)
class Step:
    """One codemod: what it does, since when vLLM asks for it, and where that is written.

    `risk`: what a person should look at. `none`: nothing; `low`: the result once;
    `review`: whether it fits the class.
    """

    id: str
    summary: str
    since: str
    reference: str
    risk: Risk
    apply: Callable[[cst.Module, Rewriting], Outcome]


def distinct(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Pass steps on; raises `ValueError` where two have one id."""
    ids = [step.id for step in steps]
    if len(set(ids)) < len(ids):
        raise ValueError(f"two steps of a rewrite have one id: {ids}")
    return steps
