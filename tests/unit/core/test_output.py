from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmport.core import output
from mmport.core.output import Format, Sink


@dataclass(frozen=True, slots=True)
class Document:
    schema: str
    text: str


DOCUMENT = Document("test/1", "a\x1b[31mb")


def test_json_goes_to_stdout_alone_and_talk_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink(Format.JSON)
    sink.say("reading")
    with sink.progress("work") as progress:
        progress.step("half")
    sink.result(DOCUMENT, Text("a page"))
    out, err = capsys.readouterr()
    assert json.loads(out) == {"schema": "test/1", "text": "a\x1b[31mb"}
    assert err.splitlines() == ["reading", "work: half"]


def test_a_page_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    Sink().result(DOCUMENT, Text("a page"))
    assert capsys.readouterr() == ("a page\n", "")


def test_control_characters_of_a_page_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = Table("name")
    table.add_row("two\nlines")
    table.add_row("\x1b]0;title\x07")
    Sink().result(DOCUMENT, table)
    out, _ = capsys.readouterr()
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "two" in out
    assert len(out.splitlines()) > 3


def test_colours_of_a_page_reach_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        output, "console", lambda: Console(force_terminal=True, color_system="standard")
    )
    Sink().result(DOCUMENT, Text("red \x1b[2J", style="red"))
    assert capsys.readouterr().out == "\x1b[31mred \N{REPLACEMENT CHARACTER}[2J\x1b[0m\n"


def test_what_is_said_is_one_line_whatever_its_length(capsys: pytest.CaptureFixture[str]) -> None:
    Sink().say("[bold]not markup[/bold] " + "x" * 300 + "\nsecond \x1b[31m")
    _, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert err.startswith("[bold]not markup[/bold] xxx")
    assert "\x1b" not in err


def test_progress_on_a_terminal_is_a_spinner(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Console(force_terminal=True, stderr=True, width=80)
    monkeypatch.setattr(output, "console", lambda **_: terminal)
    with Sink().progress("[x] work") as progress:
        progress.step("half")
    out, err = capsys.readouterr()
    assert out == ""
    assert "[x] work" in err


def test_a_piped_page_keeps_a_readable_width(capsys: pytest.CaptureFixture[str]) -> None:
    Sink().result(DOCUMENT, Text("word " * 40))
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) > 80


def test_a_line_is_a_result_of_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    Sink(Format.JSON).line("/" + "long/" * 60 + "\x1b")
    out, err = capsys.readouterr()
    assert (out, err) == ("/" + "long/" * 60 + "\N{REPLACEMENT CHARACTER}\n", "")


def test_text_is_said_with_its_lines_and_without_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Sink().say_text("Traceback:\n  [red]here\x1b[2J\n\n")
    Sink().say_text("")
    assert capsys.readouterr() == (
        "",
        "Traceback:\n  [red]here\N{REPLACEMENT CHARACTER}[2J\n",
    )
