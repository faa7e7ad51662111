"""The error of every module as a chart: figure, floor and bound over the model's depth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from mmport.model.evidence import ModuleFigure

WIDTH, HEIGHT = 960.0, 300.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 12.0, 30.0, 30.0
_MANY = 60
_LETTER = 8.0
"""Width of a letter of a label, and some room."""
_LOWEST, _HIGHEST = -12, 3
"""Powers of ten that the axis never goes beyond."""


@dataclass(frozen=True, slots=True)
class Point:
    """One module's figure: where it is drawn, what it is, what a tooltip says."""

    x: float
    y: float
    state: str
    """`agrees`, `differs` or `unknown`."""
    event: str
    title: str


@dataclass(frozen=True, slots=True)
class Band:
    """A run of modules of one stage, from `x` on; the label is empty where it has no room."""

    x: float
    width: float
    label: str
    title: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A power of ten on the vertical axis."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """All that is drawn for one scenario; paths are SVG's."""

    scenario: str
    points: tuple[Point, ...]
    bands: tuple[Band, ...]
    ticks: tuple[Tick, ...]
    figure: str
    floor: str
    bound: str
    bottom: float
    cross: float
    """Half the width of a cross: small where there are many."""
    differing: int
    summary: str


def charts(modules: Sequence[ModuleFigure]) -> tuple[Chart, ...]:
    """Draw one chart a scenario, in the order of the evidence."""
    names = dict.fromkeys(one.scenario for one in modules)
    return tuple(_chart(name, [one for one in modules if one.scenario == name]) for name in names)


def _chart(scenario: str, modules: list[ModuleFigure]) -> Chart:
    axis = _Axis.over(modules)
    points = tuple(_point(axis, place, one) for place, one in enumerate(modules))
    outputs = [(place, one) for place, one in enumerate(modules) if one.event == "output"]
    differing = sum(one.agrees is False for one in modules)
    compared = sum(one.agrees is not None for one in modules)
    return Chart(
        scenario=scenario,
        points=points,
        bands=tuple(_bands(axis, modules)),
        ticks=tuple(axis.ticks()),
        figure=_path(axis, [(place, _known(one)) for place, one in outputs]),
        floor=_path(axis, [(place, one.floor) for place, one in outputs]),
        bound=_path(axis, [(place, one.bound) for place, one in outputs]),
        bottom=HEIGHT - _BOTTOM,
        cross=4.0 if differing <= _MANY else 2.5,
        differing=differing,
        summary=f"{compared} inputs and outputs compared, {differing} beyond their bound",
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """Places on paper: modules side by side, figures by their logarithm."""

    count: int
    low: int
    high: int

    @classmethod
    def over(cls, modules: Sequence[ModuleFigure]) -> _Axis:
        figures = [
            math.log10(value)
            for one in modules
            for value in (one.figure, one.floor, one.bound)
            if value and math.isfinite(value)
        ]
        low = min(max(_LOWEST, math.floor(min(figures, default=-8.0))), _HIGHEST - 1)
        high = min(_HIGHEST, math.ceil(max(figures, default=0.0)))
        return cls(len(modules), low, max(high, low + 1))

    def x(self, place: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (place + 0.5) / max(1, self.count)

    def y(self, value: float) -> float:
        """The height of a figure; zero lies on the bottom line, infinity on the top."""
        floor, ceiling = float(self.low), float(self.high)
        power = ceiling if not math.isfinite(value) else math.log10(value) if value > 0 else floor
        share = (min(max(power, floor), ceiling) - floor) / (ceiling - floor)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)

    def ticks(self) -> Iterator[Tick]:
        step = max(1, -(-(self.high - self.low) // 8))
        for power in range(self.low, self.high + 1, step):
            yield Tick(self.y(10.0**power), f"1e{power:+d}" if power else "1")


def _point(axis: _Axis, place: int, one: ModuleFigure) -> Point:
    state = {True: "agrees", False: "differs", None: "unknown"}[one.agrees]
    # What is beyond the bound and no number stands at the top.
    value = math.inf if one.figure is None and one.agrees is False else one.figure or 0.0
    return Point(round(axis.x(place), 1), round(axis.y(value), 1), state, one.event, _title(one))


def _known(one: ModuleFigure) -> float | None:
    """A figure that means something: not that of rows in another order."""
    return None if one.agrees is None else one.figure


def _title(one: ModuleFigure) -> str:
    told = [
        f"{name} {value:.2e}"
        for name, value in (("figure", one.figure), ("floor", one.floor), ("bound", one.bound))
        if value is not None
    ]
    lines = [f"{one.stage.value}, {one.event}", f"HF {one.hf}", f"vLLM {one.vllm}"]
    return "\n".join(
        [*lines, ", ".join(told) or "not compared", *([one.detail] * bool(one.detail))]
    )


def _bands(axis: _Axis, modules: Sequence[ModuleFigure]) -> Iterator[Band]:
    place = 0
    for stage, run in groupby(modules, key=lambda one: one.stage):
        count = len(list(run))
        left, right = axis.x(place - 0.5), axis.x(place + count - 0.5)
        width = right - left
        label = stage.value if width > _LETTER * len(stage.value) else ""
        yield Band(round(left, 1), round(width, 1), label, stage.value)
        place += count


def _path(axis: _Axis, values: Sequence[tuple[int, float | None]]) -> str:
    """Join values by lines; where one is missing the line is broken."""
    parts: list[str] = []
    joined = False
    for place, value in values:
        if value is None:
            joined = False
            continue
        parts.append(f"{'L' if joined else 'M'}{axis.x(place):.1f} {axis.y(value):.1f}")
        joined = True
    return "".join(parts)
