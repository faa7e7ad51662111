from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from mmport.model.evidence import Evidence, Measurement, Outcome, Stage
from mmport.reports.answers import Answer, Token
from mmport.reports.exhibits import Exhibits
from mmport.reports.page import render_page
from mmport.reports.pictures import Picture
from mmport.verification.outputs import TOKENS
from mmport.verification.referee import ENGINE
from tests.unit.reports import runs

VOID = {"meta", "img", "input", "link", "br", "hr"}
LOADING = {"src", "href", "action", "data", "poster", "srcset", "xlink:href", "formaction"}


class Page(HTMLParser):
    """Reads a page, and notes what is unbalanced in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.problems: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.raw: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("style", "script"):
            self.raw[self.open[-1]] = data
        elif data.strip():
            self.texts.append(data.strip())

    def attributes(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]


def render(*evidence: Evidence, exhibits: Exhibits | None = None, model: str = "llava") -> str:
    shown = [exhibits or Exhibits()] * len(evidence)
    return render_page(runs.record(*evidence, model=model), shown)


def everything() -> Exhibits:
    picture = Picture("48x24", "pixel_values", "data:image/png;base64,AAAA", note=runs.HOSTILE)
    told = Token(7, runs.HOSTILE, -0.5)
    answer = Answer("image", 0, runs.HOSTILE, 3, (told, told), (told,), 1, (told,), (told,))
    return Exhibits((picture,), (answer,))


PAGES = {
    "passing": lambda: render(runs.passing()),
    "node": lambda: render(runs.passing(), runs.failing()),
    "edge": lambda: render(runs.failing("edge")),
    "hostile": lambda: render(runs.hostile(), exhibits=everything(), model=runs.HOSTILE),
}


@pytest.fixture(params=PAGES, scope="module")
def text(request: pytest.FixtureRequest) -> str:
    return PAGES[request.param]()


def test_it_is_balanced_and_no_id_comes_twice(text: str) -> None:
    page = Page(text)
    assert page.problems == []
    assert page.open == []
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))


def test_every_link_leads_somewhere_within_the_page(text: str) -> None:
    page = Page(text)
    ids = page.attributes("id")
    assert {link.removeprefix("#") for link in page.attributes("href")} <= set(ids)


def test_nothing_is_loaded_from_elsewhere(text: str) -> None:
    page = Page(text)
    for _, attributes in page.tags:
        for name in LOADING & attributes.keys():
            assert (attributes[name] or "").startswith(("#", "data:image/png;base64,"))
    assert not re.search(r"@import|url\(|https?:|//[a-z]", "".join(page.raw.values()))
    assert not {"link", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.tags}


def test_the_policy_lets_only_its_own_script_and_style_run(text: str) -> None:
    page = Page(text)
    policy = next(
        attributes["content"] or ""
        for tag, attributes in page.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy.startswith("default-src 'none'; img-src data:;")
    for name in ("style", "script"):
        digest = hashlib.sha256(page.raw[name].encode()).digest()
        assert f"{name}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert "unsafe" not in policy
    for _, attributes in page.tags:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]


def test_what_a_model_says_stays_text() -> None:
    page = Page(PAGES["hostile"]())
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert any("<script>alert" in text for text in page.texts)
    assert "49" not in " ".join(page.texts).split()


def test_a_node_is_named_on_both_sides_with_its_sources() -> None:
    text = " ".join(Page(render(runs.failing())).texts)
    for part in (
        "model.vision_tower.encoder.layers.1.mlp",
        "vision_tower.encoder.layers.1.mlp",
        "transformers/clip.py:280-294",
        "vllm/clip.py:201-215",
        "outputs differ: 0.31 (bound 1.0e-04)",
        "inputs agree",
    ):
        assert part in text


def test_an_edge_is_told_with_what_comes_before() -> None:
    text = " ".join(Page(render(runs.failing("edge"))).texts)
    assert "HuggingFace, before" in text
    assert "vision_tower.pre_layrnorm" in text
    assert "inputs differ: 0.31 (bound 1.0e-04)" in text


def test_a_failure_without_a_module_is_told_as_well() -> None:
    text = " ".join(Page(render(replace(runs.failing(), divergence=None))).texts)
    assert "encoder / image / tower: 3.1e-01 (bound 1e-04)" in text
    assert "could not be narrowed down" in text


def test_an_engine_that_stopped_is_said_to_have() -> None:
    evidence = replace(runs.failing(), divergence=None)
    raised = Measurement(Stage.WEIGHTS, "loading", ENGINE, Outcome.FAILED, detail="ValueError: no")
    first = replace(evidence.stages[0], outcome=Outcome.FAILED, measurements=(raised,))
    text = " ".join(Page(render(replace(evidence, stages=(first, *evidence.stages[1:])))).texts)
    assert "The engine stopped here" in text


def test_every_stage_and_every_measurement_is_there() -> None:
    evidence = runs.failing()
    page = Page(render(evidence))
    rows = [
        attributes for tag, attributes in page.tags if tag == "tr" and "data-stage" in attributes
    ]
    assert len(rows) == sum(len(stage.measurements) for stage in evidence.stages)
    filters = page.attributes("data-filter")
    assert filters == [f"implementation=in-tree&stage={stage.value}" for stage in Stage]
    assert "not run: the engine stopped before it" in page.texts


def test_the_first_other_token_is_marked() -> None:
    said = tuple(Token(number, f" w{number}", -0.1) for number in range(4))
    other = (*said[:2], Token(9, " other", -0.2))
    answer = Answer("image", 0, "What?", 5, said, other, 2, (said[2],), (other[2],))
    page = Page(render(runs.failing(), exhibits=Exhibits((), (answer,))))
    steps = [attributes for tag, attributes in page.tags if tag == "li" and "class" in attributes]
    classes = [attributes["class"] for attributes in steps]
    assert classes.count("here") == 1
    assert classes.count("after") == 1
    text = " ".join(page.texts)
    assert "first difference at token 3 of 4" in text
    assert "ended" in page.texts


def test_the_noise_is_told_where_it_was_measured() -> None:
    assert "it leaves something out" in Page(render(runs.passing())).texts
    assert "noise floor" not in render(replace(runs.passing(), noise=()))


def test_where_hf_itself_hesitates_another_token_is_no_fault() -> None:
    said = (Token(1, "a", -0.1),)
    answer = Answer("image", 0, "What?", 5, said, (Token(2, "b", -0.1),), 0)
    evidence = runs.passing()
    note = Measurement(
        Stage.GENERATION, "image", f"{TOKENS} 0", Outcome.PASSED, detail="by 1e-9 alone"
    )
    stages = tuple(
        replace(stage, measurements=(note,)) if stage.stage is Stage.GENERATION else stage
        for stage in evidence.stages
    )
    text = " ".join(
        Page(render(replace(evidence, stages=stages), exhibits=Exhibits((), (answer,)))).texts
    )
    assert "no fault: by 1e-9 alone" in text
    text = " ".join(Page(render(evidence, exhibits=Exhibits((), (answer,)))).texts)
    assert "no fault" not in text
