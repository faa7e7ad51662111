from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.token import Token

from mmport.reports.card import card
from tests.unit.reports import runs


def tokens(text: str) -> list[Token]:
    return MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)


def test_it_tells_the_verdict_the_stages_and_the_command() -> None:
    text = card(runs.record(runs.passing(), runs.failing()))
    assert (
        "- \N{WHITE HEAVY CHECK MARK} **mmport's port** equal to HuggingFace in every stage" in text
    )
    assert "| stage | mmport's port | vLLM's own class |" in text
    assert "| encoder | \N{WHITE HEAVY CHECK MARK} ok, 2 checks, worst 3.0e-07" in text
    assert "\N{CROSS MARK} FAILED 1 of 3" in text
    assert "mmport verify llava-tiny --tiny" in text
    assert "transformers 5.19.0, vLLM 0.32.0, torch 2.13.0, cpu, float32" in text


def test_it_names_the_first_difference_on_both_sides() -> None:
    text = card(runs.record(runs.failing()))
    assert "first difference: node in encoder, image" in text
    assert "  HF   model.vision_tower.encoder.layers.1.mlp (CLIPMLP) [1, 5, 32]" in text
    assert "  vLLM vision_tower.encoder.layers.1.mlp (CLIPMLP) [1, 5, 32]" in text


def test_it_is_short() -> None:
    text = card(runs.record(runs.passing(), runs.failing(), runs.failing("edge")))
    assert len(text.splitlines()) < 60


def test_what_a_model_says_does_nothing() -> None:
    text = card(runs.record(runs.hostile(), model=runs.HOSTILE))
    parsed = tokens(text)
    inner = [child for token in parsed for child in token.children or ()]
    assert not [token for token in (*parsed, *inner) if token.type.startswith("html")]
    table = [token for token in parsed if token.type in ("th_open", "td_open")]
    assert len(table) == 2 * 9
    shown = "".join(child.content for child in inner if child.type == "text")
    assert "\x1b" not in text
    assert "<script>" in shown or any("<script>" in one.content for one in parsed)
