from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from mmport.model.evidence import ModuleFigure, Stage
from mmport.reports.plot import HEIGHT, WIDTH, charts
from tests.unit.reports import runs

FIGURES = st.none() | st.floats(min_value=0.0, allow_nan=False)
MODULES = st.builds(
    ModuleFigure,
    stage=st.sampled_from(Stage),
    scenario=st.sampled_from(["text", "image"]),
    hf=st.text(max_size=5),
    vllm=st.text(max_size=5),
    event=st.sampled_from(["input", "output"]),
    figure=FIGURES,
    floor=FIGURES,
    bound=FIGURES,
    agrees=st.none() | st.booleans(),
)


@given(st.lists(MODULES, max_size=8))
def test_everything_is_drawn_within_the_picture(modules: list[ModuleFigure]) -> None:
    drawn = charts(modules)
    assert sum(len(chart.points) for chart in drawn) == len(modules)
    for chart in drawn:
        for point in chart.points:
            assert 0 <= point.x <= WIDTH
            assert 0 <= point.y <= HEIGHT
        for path in (chart.figure, chart.floor, chart.bound):
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
            assert all(0 <= number <= WIDTH for number in numbers)
            assert not path or path.startswith("M")


def test_one_chart_is_made_of_each_scenario_in_the_evidence_s_order() -> None:
    modules = runs.failing().modules
    other = [replace(one, scenario="text") for one in modules]
    assert [chart.scenario for chart in charts([*other, *modules])] == ["text", "image"]


def test_a_larger_figure_stands_higher_and_zero_at_the_bottom() -> None:
    first = runs.failing().modules[0]
    figures = (0.0, 1e-9, 1e-3, 1.0)
    (chart,) = charts([replace(first, figure=figure, event="output") for figure in figures])
    heights = [point.y for point in chart.points]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] == chart.bottom


def test_what_differs_and_is_no_number_stands_at_the_top() -> None:
    first = runs.failing().modules[0]
    (chart,) = charts([first, replace(first, figure=None, agrees=False)])
    assert chart.points[1].state == "differs"
    assert chart.points[1].y < chart.points[0].y


def test_a_line_is_broken_where_a_figure_is_missing() -> None:
    first = replace(runs.failing().modules[0], event="output")
    (chart,) = charts([first, first, replace(first, figure=None, agrees=None), first])
    assert re.sub(r"[\d. ]", "", chart.figure) == "MLM"


def test_a_tooltip_names_both_modules_and_the_figures() -> None:
    (chart,) = charts(runs.failing().modules[:1])
    assert chart.points[0].title.splitlines() == [
        "encoder, input",
        "HF model.vision_tower.embeddings.patch_embedding",
        "vLLM vision_tower.embeddings.patch_embedding",
        "figure 7.00e-08, floor 5.83e-08, bound 1.00e-06",
    ]


def test_rows_in_another_order_are_points_and_no_part_of_the_line() -> None:
    first = replace(runs.failing().modules[0], event="output")
    (chart,) = charts([first, replace(first, figure=1.4, agrees=None), first])
    assert chart.points[1].state == "unknown"
    assert chart.figure.count("M") == 2


def test_a_narrow_band_has_no_label() -> None:
    modules = [replace(runs.failing().modules[0], stage=Stage.MERGE)]
    (chart,) = charts([*modules, *runs.failing().modules * 10])
    assert [(band.label, band.title) for band in chart.bands] == [
        ("", "merge"),
        ("encoder", "encoder"),
    ]
