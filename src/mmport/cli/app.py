"""The `mmport` program: its commands, and the one table from errors to exit codes."""

from __future__ import annotations

import sys

import typer

from mmport import __version__
from mmport.cli import (
    accept,
    catalog,
    check,
    demo,
    doctor,
    inspect_model,
    migrate,
    rewrite,
    scaffold,
    scoreboard,
    verify,
)
from mmport.cli.options import Debug
from mmport.core.errors import MmportError
from mmport.core.output import Sink
from mmport.core.termination import termination_raises

app = typer.Typer(
    name="mmport",
    help="Port a HuggingFace vision-language model to vLLM and prove the port right.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("inspect")(inspect_model.command)
app.command("scaffold")(scaffold.command)
app.command("rewrite")(rewrite.command)
app.command("migrate")(migrate.command)
app.command("verify")(verify.command)
app.command("check")(check.command)
app.command("accept")(accept.command)
app.command("doctor")(doctor.command)
app.command("demo")(demo.command)
app.command("scoreboard")(scoreboard.command)
app.add_typer(catalog.app, name="catalog")


_DEBUG_HELP = "Show tracebacks, a worker's too, when something fails (before the command's name)."


def _print_version(wanted: bool) -> None:
    if wanted:
        Sink().line(f"mmport {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    debug: bool = typer.Option(False, "--debug", help=_DEBUG_HELP),
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    Debug.on = debug


def main() -> None:
    """Run the program and exit: 0 fine, 1 a finding, 2 usage, 3 a known failure.

    Ended by a signal, it exits with 128 and the signal's number, cleaned up.
    """
    try:
        with termination_raises():
            app()
    except Exception as error:
        sys.exit(_report(error))


def _report(error: Exception) -> int:
    """Say what failed and what to do about it; give the exit code."""
    known = error if isinstance(error, MmportError) else _internal(error)
    sink = Sink()
    if Debug.on:
        import traceback

        for text in ("".join(traceback.format_exception(error)), known.details):
            sink.say_text(text)
    sink.say(f"mmport: {known.what}")
    sink.say(f"  what to do: {known.hint}")
    return known.exit_code


def _internal(error: Exception) -> MmportError:
    # Left to Python it would end with 1, which says "a finding" to a CI job.
    return MmportError(
        f"internal error: {type(error).__name__}: {error}",
        "this is a fault of mmport: run `mmport --debug ...` and report the traceback",
    )
