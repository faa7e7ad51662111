"""`mmport accept`: the user's edits become part of the port."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmport.cli.options import FormatOption
from mmport.core.output import Format

PortArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a port.")]


def command(
    folder: PortArgument,
    *,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Make your edits of a port part of it.

    Records the edited files in mmport.lock. From then on `check` wants evidence
    for exactly these files, and `scaffold` carries the edits over when it
    brings the port up to date.
    """
    from rich.markup import escape

    from mmport.core.output import Sink
    from mmport.generation.accept import accept

    accepted = accept(folder)
    document = {"schema": "mmport.accept/1", "folder": str(folder), "accepted": accepted}
    lines = [f"accepted  {path}" for path in accepted] or ["no file is edited"]
    if accepted:
        lines.append(f"next: mmport verify MODEL --port {folder}")
    Sink(format).result(document, escape("\n".join(lines)))
