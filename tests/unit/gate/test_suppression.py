from __future__ import annotations

from textwrap import dedent

import pytest

from mmport.gate.suppression import ignores_of, silence
from mmport.model.finding import Finding, Severity
from tests.unit.gate.old_names import KNOWN, OLD_NAME


def found_at(line: int, rule: str = OLD_NAME.name) -> Finding:
    return Finding(Severity.ERROR, rule, "a.py", line, "m", "f")


def left(text: str, *lines: int) -> list[tuple[str, int]]:
    """Find `old-name` at lines of a text; give what is left of that, and what else is said."""
    findings = [found_at(line) for line in lines]
    kept, silenced = silence(findings, ignores_of(dedent(text)), "a.py", KNOWN)
    told = [(finding.rule, finding.line) for finding in kept]
    assert silenced == len(lines) - sum(rule == OLD_NAME.name for rule, _ in told)
    return told


@pytest.mark.parametrize(
    "text",
    [
        "old  # mmport: ignore[old-name] kept for 0.31",
        "old  #mmport:ignore[old-name]kept",
        "old  # mmport: ignore[ old-name ] - kept",
        "old  # noqa: F821  # mmport: ignore[old-name] kept  # pragma: no cover",
        "old  # mmport: ignore[old-name] #12",
        "# mmport: ignore-file[old-name] kept\nold",
        "# mmport: ignore[old-name] kept\nold",
    ],
)
def test_a_comment_silences_a_rule_for_a_reason(text: str) -> None:
    assert left(text, text.count("\n") + 1) == []


def test_on_the_first_line_it_counts_for_the_whole_statement() -> None:
    text = """\
        f(  # mmport: ignore[old-name] kept
            old,
            old,
        )
        old
    """
    assert left(text, 2, 3, 5) == [("old-name", 5)]


def test_on_another_line_it_counts_for_that_line() -> None:
    text = """\
        f(
            old,  # mmport: ignore[old-name] kept
            old,
        )
    """
    assert left(text, 1, 2, 3) == [("old-name", 1), ("old-name", 3)]


def test_alone_it_counts_for_the_statement_below() -> None:
    text = """\
        # mmport: ignore[old-name] kept
        # for all that follow
        f(
            old,
        )
        old
    """
    assert left(text, 3, 4, 6) == [("old-name", 6)]


def test_alone_within_a_statement_it_counts_for_the_line_below() -> None:
    text = """\
        f(
            # mmport: ignore[old-name] kept
            old,
            old,
        )
    """
    assert left(text, 3, 4) == [("old-name", 4)]


def test_above_decorators_it_counts_up_to_the_class() -> None:
    text = """\
        # mmport: ignore[old-name] kept
        @one
        @two(
            old
        )
        # a remark
        class A(
            old
        ):
            old
    """
    assert left(text, 2, 4, 7, 8, 10) == [("old-name", 10)]


def test_a_class_ends_at_its_colon() -> None:
    text = """\
        class A:  # mmport: ignore[old-name] kept
            old
    """
    assert left(text, 1, 2) == [("old-name", 2)]


def test_above_an_empty_line_it_counts_for_nothing() -> None:
    text = """\
        # mmport: ignore[old-name] kept

        old
    """
    assert left(text, 3) == [("old-name", 3), ("ignore-unused", 1)]


@pytest.mark.parametrize(
    "head",
    [
        "",
        "#!/usr/bin/python\n# Licence\n\n",
        '"""A docstring\n\nof lines."""\n\n',
        '"""A docstring."""  # and a remark\n',
    ],
)
def test_a_file_is_silenced_in_its_head(head: str) -> None:
    text = f"{head}# mmport: ignore-file[old-name] kept\nold\nold\n"
    last = text.count("\n")
    assert left(text, last - 1, last, 0) == []


@pytest.mark.parametrize("before", ["import os\n", "'docstring'\n'none'\n", "old;"])
def test_below_the_head_a_file_is_not_silenced(before: str) -> None:
    text = f"{before} # mmport: ignore-file[old-name] late\nold\n"
    line = before.count("\n") + 1
    assert left(text, line + 1) == [("old-name", line + 1), ("ignore-unused", line)]


def test_the_head_of_a_file_of_comments_is_all_of_it() -> None:
    assert left("\n# mmport: ignore-file[old-name] kept\n", 0) == []


def test_a_finding_about_the_whole_file_is_no_matter_of_a_line() -> None:
    assert left("old  # mmport: ignore[old-name] x", 0) == [("old-name", 0), ("ignore-unused", 1)]


def test_a_string_is_no_comment() -> None:
    assert left('old = "# mmport: ignore[old-name] x"', 1) == [("old-name", 1)]
    assert left('"""\n# mmport: ignore-file[old-name] x\n"""\nold', 4) == [("old-name", 4)]


@pytest.mark.parametrize("reason", ["", " ", " - ", "  # noqa", " --"])
def test_a_reason_is_asked_for(reason: str) -> None:
    text = f"old  # mmport: ignore[old-name]{reason}"
    assert left(text, 1) == [("ignore-without-reason", 1)]


def test_what_finds_nothing_is_told_by_rule() -> None:
    assert left("new  # mmport: ignore[old-name] kept") == [("ignore-unused", 1)]
    assert left("# mmport: ignore-file[old-name] kept\nnew") == [("ignore-unused", 1)]


def test_the_nearest_comment_is_the_one_in_use() -> None:
    text = "# mmport: ignore-file[old-name] all\nold  # mmport: ignore[old-name] this\n"
    assert left(text, 2) == [("ignore-unused", 1)]


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("ignore[old-nam] kept", "there is no rule 'old-nam'"),
        ("ignore[edited] kept", "no comment may silence 'edited'"),
        ("ignore[evidence-stale] kept", "no comment may silence 'evidence-stale'"),
        ("ignore-file[ignore-unused] kept", "no comment may silence 'ignore-unused'"),
        ("ignore kept", "names no rule in brackets"),
        ("ignore[] kept", "names no rule in brackets"),
        ("ignore-file", "names no rule in brackets"),
    ],
)
def test_what_names_no_rule_is_an_error(comment: str, message: str) -> None:
    kept, _ = silence([], ignores_of(f"# mmport: {comment}\n"), "a.py", KNOWN)
    assert [(finding.rule, finding.message) for finding in kept] == [
        ("ignore-unknown-rule", message)
    ]
    assert kept[0].severity is Severity.ERROR
    assert (kept[0].file, kept[0].line, kept[0].column) == ("a.py", 1, 1)


def test_several_rules_are_judged_apart() -> None:
    text = "old  # mmport: ignore[old-name, edited, old-name] kept"
    assert left(text, 1) == [("ignore-unknown-rule", 1)]


def test_what_no_comment_may_silence_stays() -> None:
    ignores = ignores_of("x  # mmport: ignore[lint] why\n")
    kept, silenced = silence([found_at(1, "lint")], ignores, "a.py", KNOWN)
    assert [finding.rule for finding in kept] == ["lint", "ignore-unknown-rule"]
    assert silenced == 0


@pytest.mark.parametrize("text", ["# mmport: a remark", "# mmport: ignored since", "# ignore[x]"])
def test_other_comments_are_left_alone(text: str) -> None:
    assert ignores_of(text) == ()


def test_a_column_is_where_the_comment_begins() -> None:
    (ignore,) = ignores_of("x = 1  # noqa # mmport: ignore[old-name] kept\n")
    assert ignore.column == 15
