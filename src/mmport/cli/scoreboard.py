"""`mmport scoreboard`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mmport.cli.options import FormatOption, HfPythonOption, VllmPythonOption
from mmport.core.output import Format, Sink


class Column(StrEnum):
    """The implementations that can be on the board."""

    PORT = "port"
    IN_TREE = "in-tree"
    TRANSFORMERS = "transformers"


def command(
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="PATTERN",
            help="Measure only models of that name or type, such as 'qwen*'; may be repeated.",
        ),
    ] = None,
    column: Annotated[
        list[Column] | None,
        typer.Option("--column", help="Measure only this implementation; may be repeated."),
    ] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, help="How many models to measure at once.")
    ] = 1,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1.0, help="Seconds that each run is given.")
    ] = 400.0,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state", metavar="DIR", help="Keep what was measured there, not in the cache."
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Measure again what was measured before.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.md",
            help="Write the page there, and the JSON document beside it.",
        ),
    ] = None,
    vllm_python: VllmPythonOption = None,
    hf_python: HfPythonOption = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Measure every reference model: its port, vLLM's own class, the Transformers backend.

    What was measured before is not measured again, so that a run can be stopped
    and taken up. Exit code 0 once the board is made, whatever is on it.
    """
    from mmport.core.errors import Usage
    from mmport.core.files import require_writable
    from mmport.scoreboard.summary import board_page
    from mmport.workflows.scoreboard import BoardOptions, make_board, write_board

    if output is not None and output.suffix != ".md":
        raise Usage(f"{output} is no Markdown file", "give a name that ends in .md with -o")
    if output is not None:
        require_writable(output)
    options = BoardOptions(
        only=tuple(only or ()),
        columns=tuple(one.value for one in Column if not column or one in column),
        jobs=jobs,
        timeout=timeout,
        state=state,
        fresh=fresh,
        vllm_python=vllm_python,
        hf_python=hf_python,
    )
    sink = Sink(format)
    board = make_board(options, sink)
    if output is not None:
        write_board(board, output)
    sink.result(board, board_page(board))
