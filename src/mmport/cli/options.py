"""Options that several commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmport.core.output import Format


class Debug:
    """Whether the user asked for tracebacks; set once, by the program's own options."""

    on = False


ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="A local folder, or a hub id such as org/name.")
]
ModelsArgument = Annotated[
    list[str],
    typer.Argument(metavar="MODEL", help="Local folders, or hub ids such as org/name."),
]
RevisionOption = Annotated[
    str | None, typer.Option("--revision", help="Branch, tag or commit of a hub model.")
]
TrustOption = Annotated[
    bool,
    typer.Option("--trust-remote-code", help="Allow code from the model's repo to be run."),
]
TargetOption = Annotated[
    str | None,
    typer.Option("--target-vllm", metavar="V", help="The vLLM release to write for."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the result.")]
VllmPythonOption = Annotated[
    Path | None,
    typer.Option(
        "--vllm-python",
        envvar="MMPORT_VLLM_PYTHON",
        help="The Python of an environment with vLLM.",
    ),
]
HfPythonOption = Annotated[
    Path | None,
    typer.Option(
        "--hf-python",
        envvar="MMPORT_HF_PYTHON",
        help="The Python of an environment with torch and transformers; vLLM's, if not given.",
    ),
]


def only(models: list[str], option: str) -> str:
    """Give the one model that an option goes with.

    Raises:
        Usage: there are several.
    """
    if len(models) > 1:
        from mmport.core.errors import Usage

        raise Usage(f"{option} takes one model", "name one, and run the command for each")
    return models[0]
