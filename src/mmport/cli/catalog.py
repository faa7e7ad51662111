"""`mmport catalog`: what each vLLM release offers a model author, and what changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmport.cli.options import FormatOption
from mmport.core.output import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from mmport.vllm_api.differences import Difference

app = typer.Typer(
    help="Look into the catalog of vLLM releases, or add one.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DIFF_SCHEMA = "mmport.catalog-diff/1"
ADD_SCHEMA = "mmport.catalog-add/1"
LIST_SCHEMA = "mmport.catalog-list/1"

_TITLES = {
    "SILENT": "never called again, and nothing says so",
    "CALLED_OTHERWISE": "called with other parameters",
    "DEMANDED": "has to be written",
    "GONE": "gone",
    "MOVED": "stands elsewhere",
    "TAKES_OTHERWISE": "takes other arguments",
    "UNREGISTERED": "registered no more",
    "NEW": "new",
}


@app.command("diff")
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A vLLM release.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Another.")],
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Show what is new as well, and all of each kind.")
    ] = False,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Say what changed for a model author between two releases, what breaks most first."""
    from mmport.core.output import Sink
    from mmport.vllm_api.catalog import resolve_target
    from mmport.vllm_api.differences import differences

    before, after = resolve_target(old).version, resolve_target(new).version
    found = differences(before, after)
    document = {
        "schema": DIFF_SCHEMA,
        "old": before,
        "new": after,
        "differences": [
            {
                "effect": one.effect.name.lower().replace("_", "-"),
                "place": one.place,
                "before": one.before,
                "after": one.after,
                "fix": one.fix,
            }
            for one in found
        ],
    }
    Sink(format).result(document, _page(before, after, found, everything=everything))


@app.command("list")
def list_releases(
    *,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """List the releases that are known, with the era of each."""
    from rich.text import Text

    from mmport.core.output import Sink
    from mmport.vllm_api.catalog import available, load

    eras = {version: load(version).era for version in available()}
    document = {
        "schema": LIST_SCHEMA,
        "releases": [{"version": version, "era": era} for version, era in eras.items()],
    }
    Sink(format).result(document, Text("\n".join(f"{one:<14}{era}" for one, era in eras.items())))


@app.command("add")
def add(
    versions: Annotated[
        list[str], typer.Argument(metavar="VERSION...", help="Releases on the package index.")
    ],
    *,
    source: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where one release's source lies already."),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--catalog", metavar="DIR", help="The catalog to write; mmport's, if not given."
        ),
    ] = None,
    format: FormatOption = Format.TEXT,  # noqa: A002 - the option's name
) -> None:
    """Draw releases from their source into the catalog; nothing of vLLM is run.

    The source comes from the package index that uv is set up with. Afterwards,
    `mmport catalog diff` tells what the release changed.
    """
    from rich.text import Text

    from mmport.core.errors import Usage
    from mmport.core.output import Sink
    from mmport.workflows.catalog import add_release, default_catalog

    if source is not None and len(versions) > 1:
        raise Usage("--source holds one release, and several are named", "name one release")
    target, sink = folder or default_catalog(), Sink(format)
    added = []
    for version in versions:
        with sink.progress(f"drawing vLLM {version}"):
            added.append(add_release(version, target, source=source))
    document = {"schema": ADD_SCHEMA, "catalog": str(target), "added": added}
    lines = [f"added  vLLM {version}" for version in added]
    sink.result(document, Text("\n".join(lines)))


def _page(old: str, new: str, found: Sequence[Difference], *, everything: bool) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from mmport.vllm_api.differences import Effect

    lines: list[RenderableType] = [Text(f"from vLLM {old} to {new}", style="bold")]
    for effect in Effect:
        some = [one for one in found if one.effect is effect]
        if not some or (effect is Effect.NEW and not everything):
            continue
        lines.append(Text(f"\n{_TITLES[effect.name]}: {len(some)}", style="bold"))
        lines += [_line(one) for one in some]
    if len(lines) == 1:
        lines.append(Text("nothing that reaches a model file"))
    return Group(*lines)


def _line(one: Difference) -> RenderableType:
    from rich.text import Text

    text = Text(f"  {one.place.removeprefix('vllm.')}")
    if one.before and one.after and one.after.partition("(")[0] == one.before.partition("(")[0]:
        text.append(f"\n      was  {one.before}\n      now  {one.after}", style="dim")
    elif one.after:
        text.append(f"\n      now  {one.after}", style="dim")
    if one.fix:
        text.append(f"\n      {one.fix}", style="green")
    return text
