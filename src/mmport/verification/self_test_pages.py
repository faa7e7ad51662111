"""Self-tests as a table for a person, and as a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmport.core.markdown import code_span, escape, table
from mmport.model.evidence import Outcome
from mmport.model.self_test import MutantResult, SelfTest, Verdict

if TYPE_CHECKING:
    from rich.console import RenderableType

HEADER = (
    "kind",
    "tried",
    "no effect",
    "in the noise",
    "caught",
    "right stage",
    "right place",
    "missed",
    "tokens agree",
)

_LEGEND = (
    "**tried**: mutants that were run, of all that there are in brackets where not all were",
    "**no effect**: every tensor, logprob and token is bit for bit what it is without the mutant",
    "**in the noise**: it changes less than right implementations part from each other (HF from"
    " itself, or this one from HF), and was not noticed",
    "**caught**: the verdict is red",
    "**right stage**: of those caught, the stage that is named is where the fault is",
    "**right place**: of those caught where modules are compared, the module that is named is"
    " the mutated one, or the edge beside it",
    "**missed**: it changes more than HF's own noise, and the verdict is green",
    "**tokens agree**: of those caught, to compare the greedy tokens alone would have missed it",
)


@dataclass(frozen=True, slots=True)
class Row:
    """The mutants of one kind, counted; the last row is of all."""

    kind: str
    found: int
    mutants: tuple[MutantResult, ...]

    def count(self, verdict: Verdict) -> int:
        """How many came out so."""
        return sum(one.verdict is verdict for one in self.mutants)

    @property
    def caught(self) -> tuple[MutantResult, ...]:
        """Those that were noticed."""
        return tuple(one for one in self.mutants if one.verdict is Verdict.CAUGHT)

    def cells(self) -> tuple[str, ...]:
        """The row's cells, as `HEADER` names them."""
        tried, caught = len(self.mutants), self.caught
        placed = [one for one in caught if one.right_place is not None]
        return (
            self.kind,
            str(tried) if tried == self.found else f"{tried} ({self.found})",
            str(self.count(Verdict.WITHOUT_EFFECT) or ""),
            str(self.count(Verdict.IN_NOISE) or ""),
            str(len(caught) or ""),
            _share(sum(one.right_stage is True for one in caught), len(caught)),
            _share(sum(one.right_place is True for one in placed), len(placed)),
            str(self.count(Verdict.MISSED) or ""),
            str(sum(one.tokens_agree for one in caught) or ""),
        )


def rows(tests: Sequence[SelfTest]) -> tuple[Row, ...]:
    """Count the mutants of several self-tests by kind; the last row is of all kinds."""
    found: dict[str, int] = {}
    mutants: dict[str, list[MutantResult]] = {}
    for test in tests:
        for kind in test.kinds:
            found[kind.kind] = found.get(kind.kind, 0) + kind.found
        for one in test.mutants:
            mutants.setdefault(one.kind, []).append(one)
    by_kind = tuple(Row(kind, found.get(kind, 0), tuple(some)) for kind, some in mutants.items())
    everything = tuple(one for row in by_kind for one in row.mutants)
    return (*by_kind, Row("all", sum(row.found for row in by_kind), everything))


def self_test_page(test: SelfTest) -> RenderableType:
    """Lay out one self-test: the table, what was missed, and whether it says anything."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    counted = rows([test])
    page = Table(title=_title(test), title_justify="left", padding=(0, 0), pad_edge=False)
    for place, name in enumerate(HEADER):
        page.add_column(name, justify="right" if place else "left", no_wrap=not place)
    for row in counted[:-1]:
        page.add_row(*(Text(cell) for cell in row.cells()))
    page.add_section()
    page.add_row(*(Text(cell, style="bold") for cell in counted[-1].cells()))
    missed = [Text(f"missed: {_line(one)}", style="bold red") for one in test.missed]
    style = "green" if test.passed else "bold red"
    return Group(page, *missed, Text(conclusion(test), style=style))


def conclusion(test: SelfTest) -> str:
    """Say in a sentence what came out."""
    if test.unmutated is not Outcome.PASSED:
        reason = test.unmutated_failure or "not every stage was run"
        return f"says nothing: without a mutant it does not pass: {reason}"
    if not test.repeatable:
        return "says nothing: a second run without a mutant did not give the same bits"
    if not test.restored:
        return "says nothing: a mutant was not taken back whole"
    if not test.mutants:
        return "says nothing: no mutant was tried"
    caught = sum(one.verdict is Verdict.CAUGHT for one in test.mutants)
    effective = caught + len(test.missed)
    kinds = len({one.kind for one in test.mutants})
    total = sum(kind.found for kind in test.kinds)
    sample = f" (a sample: {total} there are)" if total > len(test.mutants) else ""
    return (
        f"{caught} of {effective} mutants that matter were caught; {len(test.mutants)} were tried,"
        f" of {kinds} kinds{sample}, in {test.seconds:.0f} s"
    )


def self_test_markdown(tests: Sequence[SelfTest]) -> str:
    """Write self-tests as one document: the table over all, then each with what it missed."""
    parts = [
        "# The verifier, tested by mutants",
        "One fault at a time is put into a right implementation, in its running engine, and"
        " the verifier judges what comes out as it judges any port"
        " (`mmport verify MODEL --self-test`).",
        "\n".join(f"- {line}" for line in _LEGEND),
        "## By kind",
        table(HEADER, [_escaped(row.cells()) for row in rows(tests)]),
        "## By implementation",
        table(("model", *HEADER[1:]), [_of(test) for test in tests]),
    ]
    for test in tests:
        parts += [f"### {escape(_title(test))}", escape(conclusion(test)) + "."]
        odd = [f"- missed: {escape(_line(one))}" for one in test.missed]
        odd += [f"- in the noise: {escape(_line(one))}" for one in _below(test)]
        odd += [f"- elsewhere: {escape(_misplaced(one))}" for one in _elsewhere(test)]
        if odd:
            parts.append("\n".join(odd))
    return "\n\n".join(parts) + "\n"


def _of(test: SelfTest) -> tuple[str, ...]:
    name = f"{code_span(test.model)} ({test.implementation}, {test.environment.dtype})"
    return (name, *_escaped(rows([test])[-1].cells()[1:]))


def _escaped(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(escape(cell) for cell in cells)


def _below(test: SelfTest) -> list[MutantResult]:
    return [one for one in test.mutants if one.verdict is Verdict.IN_NOISE]


def _elsewhere(test: SelfTest) -> list[MutantResult]:
    """Those that were caught in another stage or place than the fault's."""
    return [one for one in test.mutants if one.right_stage is False or one.right_place is False]


def _line(one: MutantResult) -> str:
    change = "" if one.change is None else f", {one.change:.2g} times the noise"
    return f"{one.kind}, {one.place}{change}"


def _misplaced(one: MutantResult) -> str:
    named = str(one.stage)
    if one.divergence is not None:
        named += f", {one.divergence.kind} {one.divergence.vllm.module}"
    return f"{one.kind}, {one.place}: named was {named}; {one.failure}"


def _title(test: SelfTest) -> str:
    environment = test.environment
    tiny = " (tiny weights)" if test.tiny else ""
    return (
        f"{test.model}{tiny}, {test.implementation}: transformers {environment.transformers} and"
        f" vLLM {environment.vllm}, {environment.device}, {environment.dtype}"
    )


def _share(some: int, total: int) -> str:
    return "" if not total else str(some) if some == total else f"{some} of {total}"
