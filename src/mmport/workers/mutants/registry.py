"""The operators by kind, the mutants that they find, and a fair choice among them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from .specimen import Specimen

Apply = Callable[[], AbstractContextManager[Any]]
Found = tuple[str, Sequence[str], Apply]
"""A place, the stages that may notice first, and how the fault is put in."""
Operator = Callable[[Specimen], Iterator[Found]]

ENCODER = ("encoder",)
_STAGES = {
    "encoder": ENCODER,
    "merge": ("merge", "decoder"),
    "decoder": ("decoder",),
    # What is made of the last layer's output is seen in the logprobs alone.
    "logits": ("logits", "decoder"),
}

OPERATORS: dict[str, _Kind] = {}


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of fault.

    `parts` are what has to be made again to notice it: `scenarios`, `processor`,
    `weights`, `budget`, `names`. `scenarios` are those that it concerns beyond the
    recorded ones. `outside`: the fault is in what the engine gives to the model, so
    that the model's own record shows it.
    """

    name: str
    group: str
    operator: Operator
    parts: tuple[str, ...]
    scenarios: tuple[str, ...]
    outside: bool


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault in one place."""

    kind: str
    group: str
    place: str
    stages: tuple[str, ...]
    apply: Apply
    parts: tuple[str, ...]
    scenarios: tuple[str, ...]
    outside: bool = False


def operator(
    name: str,
    group: str,
    *,
    parts: tuple[str, ...] = ("scenarios",),
    scenarios: tuple[str, ...] = (),
    outside: bool = False,
) -> Callable[[Operator], Operator]:
    """Enter an operator under the name of its kind.

    Raises:
        ValueError: there is one of that name.
    """

    def enter(function: Operator) -> Operator:
        if name in OPERATORS:
            raise ValueError(f"two operators are called {name!r}")
        OPERATORS[name] = _Kind(name, group, function, parts, scenarios, outside)
        return function

    return enter


def stages_of(specimen: Specimen, path: str) -> tuple[str, ...]:
    """The stages in which a fault of a module may be noticed first.

    What has no weights is seen in what comes after it; after the encoder's last
    module that is the merge.
    """
    phase = specimen.phase_of(path)
    stages = _STAGES.get(phase, ("encoder", "merge", "decoder", "logits"))
    return (*stages, "merge") if phase == "encoder" and specimen.ends_encoder(path) else stages


def find_mutants(specimen: Specimen) -> list[Mutant]:
    """All mutants of all kinds, in one order whatever the run."""
    return [
        Mutant(
            kind.name,
            kind.group,
            place,
            tuple(stages),
            apply,
            kind.parts,
            kind.scenarios,
            kind.outside,
        )
        for kind in OPERATORS.values()
        for place, stages, apply in kind.operator(specimen)
    ]


def choose(mutants: Sequence[Mutant], limit: int) -> list[Mutant]:
    """At most `limit` mutants, as many of each kind as can be, spread over its places.

    Args:
        mutants: all there are.
        limit: how many to take; 0 for all.
    """
    by_kind: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        by_kind.setdefault(mutant.kind, []).append(mutant)
    if not limit or limit >= len(mutants):
        return list(mutants)
    shares = dict.fromkeys(by_kind, 0)
    left = limit
    while left:
        open_kinds = [kind for kind in by_kind if shares[kind] < len(by_kind[kind])]
        for kind in open_kinds[:left]:
            shares[kind] += 1
        left -= min(left, len(open_kinds))
    chosen = (_spread(found, shares[kind]) for kind, found in by_kind.items())
    return [mutant for some in chosen for mutant in some]


def _spread(found: Sequence[Mutant], count: int) -> Iterable[Mutant]:
    """So many of a list, evenly over its length."""
    return [found[place * len(found) // count] for place in range(count)]
