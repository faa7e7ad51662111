"""The report as one HTML page that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import zip_longest
from typing import TYPE_CHECKING

from mmport.model.evidence import Evidence, Measurement, Outcome, Stage, StageResult
from mmport.reports.answers import Answer, Token
from mmport.reports.exhibits import Exhibits
from mmport.reports.pictures import Picture
from mmport.reports.plot import HEIGHT, WIDTH, Chart, charts
from mmport.reports.record import AskedItem, Record
from mmport.verification.outputs import TOKENS
from mmport.verification.referee import ENGINE
from mmport.verification.report import (
    checks,
    counts,
    figures_text,
    number,
    stage_result,
    verdict,
    worst_measurement,
)

if TYPE_CHECKING:
    from jinja2 import Environment

NAMES = {
    "port": "mmport's port",
    "in-tree": "vLLM's own class",
    "transformers": "Transformers backend",
}
"""The implementations as a reader knows them."""

# A sign beside every colour, for those who cannot tell the colours apart.
_MARKS = {"passed": "\N{CHECK MARK}", "failed": "\N{MULTIPLICATION X}", "not-run": "\N{EN DASH}"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One stage of one implementation, in a few words."""

    stage: str
    outcome: str
    state: str
    worst: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One implementation's part of the page."""

    key: str
    name: str
    verdict: str
    evidence: Evidence
    cells: tuple[Cell, ...]
    charts: tuple[Chart, ...]
    pictures: tuple[Picture, ...]
    answers: tuple[Answer, ...]
    opened: int
    """The answer that is shown at once: the first that differs, or else the first."""
    excuses: Mapping[tuple[str, int], str]
    """Why another answer is no fault, by scenario and request."""
    parting_figures: str
    stopped: bool
    """Whether the implementation brought the engine down."""


def render_page(record: Record, exhibits: Sequence[Exhibits]) -> str:
    """Render the page; `exhibits` stand in the order of the record's evidence.

    Everything that a model names is untrusted: it is escaped, and the page's
    own policy lets run and load nothing but what is written here.
    """
    from markupsafe import Markup

    style, script = _asset("page.css"), _asset("page.js")
    template = _environment().get_template("page.html.jinja")
    pairs = zip(record.evidence, exhibits, strict=True)
    return template.render(
        record=record,
        first=record.evidence[0],
        panels=[_panel(evidence, one) for evidence, one in pairs],
        # Both are files of ours; quotes in them must stay quotes.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        style_hash=_policy_hash(style),
        script_hash=_policy_hash(script),
    )


def _panel(evidence: Evidence, exhibits: Exhibits) -> Panel:
    figures = figures_text(evidence.divergence) if evidence.divergence else ""
    answers = exhibits.answers
    return Panel(
        key=evidence.implementation,
        name=NAMES[evidence.implementation],
        verdict=verdict(evidence),
        evidence=evidence,
        cells=tuple(_cell(stage_result(evidence, stage)) for stage in Stage),
        charts=charts(evidence.modules),
        pictures=exhibits.pictures,
        answers=answers,
        opened=next((place for place, one in enumerate(answers) if one.parted is not None), 0),
        excuses=_excuses(evidence),
        parting_figures=f": {figures}" if figures else "",
        stopped=any(item.subject == ENGINE for one in evidence.stages for item in one.measurements),
    )


def _excuses(evidence: Evidence) -> dict[tuple[str, int], str]:
    """Notes of the generations that passed: HF itself had no clear favourite there."""
    excuses = {}
    for item in stage_result(evidence, Stage.GENERATION).measurements:
        subject, _, number = item.subject.rpartition(" ")
        if subject == TOKENS and number.isdecimal() and item.outcome is Outcome.PASSED:
            excuses[item.scenario, int(number)] = item.detail
    return excuses


def _cell(result: StageResult) -> Cell:
    failed, compared = counts(result)
    state = f"{failed} of {checks(compared)} failed" if failed else checks(compared)
    if result.outcome is Outcome.NOT_RUN:
        state = f"not run{result.reason and ': '}{result.reason}"
    told = ("exact",) if compared and not failed else ()
    worst = worst_measurement(result.measurements)
    if worst is not None:
        ratio, floor = _ratio(worst), _figure(worst.floor)
        told = (
            f"worst {_figure(worst.figure)}",
            f"bound {_figure(worst.bound)}",
            *((f"floor {floor}{ratio and f', ratio {ratio}'}",) if floor else ()),
        )
    return Cell(result.stage.value, result.outcome.value, state, told)


def _asset(name: str) -> str:
    text = files("mmport.reports").joinpath("assets", name).read_text(encoding="utf-8")
    return f"\n{text}"


def _policy_hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mmport.reports", "assets"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": _figure,
        "measured": _measured,
        "ratio": _ratio,
        "item": _item,
        "steps": _steps,
    }
    environment.globals |= {
        "marks": _MARKS,
        "stages": [stage.value for stage in Stage],
        "outcomes": [one.value for one in Outcome],
        "width": WIDTH,
        "height": HEIGHT,
    }
    return environment


def _figure(value: float | None) -> str:
    return "" if value is None else number(value)


def _measured(measurement: Measurement) -> str:
    """The figure of a measurement, or that there can be none."""
    if measurement.figure is None and measurement.bound is None:
        return "" if measurement.outcome is Outcome.NOT_RUN else "exact"
    return _figure(measurement.figure) or "not finite"


def _ratio(measurement: Measurement) -> str:
    """A figure over HF's own noise."""
    if measurement.figure is None or not measurement.floor:
        return ""
    return f"{measurement.figure / measurement.floor:.2g}"


def _item(item: AskedItem) -> str:
    if item.kind == "audio":
        return f"audio of {item.seconds:g} s at {item.rate} Hz, seed {item.seed}"
    size = f"{item.width}x{item.height}"
    frames = f"{item.frames} frames of " if item.kind == "video" else ""
    return f"{item.kind} of {frames}{size}, seed {item.seed}"


def _steps(answer: Answer) -> list[tuple[Token | None, Token | None]]:
    return list(zip_longest(answer.hf, answer.vllm))
