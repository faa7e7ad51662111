"""`mmport migrate --codemods` and `--explain`: what a migration can change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mmport.core.output import Format, Sink

if TYPE_CHECKING:
    from rich.console import RenderableType

    from mmport.codemods.migrate.codemod import Codemod

CODEMODS_SCHEMA = "mmport.codemods/1"


def show_codemods(name: str | None, how: Format) -> None:
    """List all codemods, or explain the one called `name`.

    Raises:
        Usage: there is no such codemod.
    """
    from mmport.codemods.migrate.changes import CODEMODS

    chosen = CODEMODS if name is None else (_named(name, CODEMODS),)
    page = _table(chosen) if name is None else _explanation(chosen[0])
    document = {"schema": CODEMODS_SCHEMA, "codemods": [_facts(one) for one in chosen]}
    Sink(how).result(document, page)


def _named(name: str, codemods: tuple[Codemod, ...]) -> Codemod:
    from mmport.core.errors import Usage
    from mmport.core.names import nearest

    by_id = {one.id: one for one in codemods}
    if name not in by_id:
        hint = nearest(name, by_id, "the codemods are")
        raise Usage(f"--explain: there is no codemod {name!r}", hint)
    return by_id[name]


def _facts(codemod: Codemod) -> dict[str, object]:
    return {
        "id": codemod.id,
        "summary": codemod.summary,
        "since": codemod.since,
        "instead": codemod.instead,
        "reference": codemod.reference,
        "risk": codemod.risk,
        "documentation": f"docs/migrate.md#{codemod.id}",
    }


def _table(codemods: Iterable[Codemod]) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("since", "risk", "codemod", "summary"):
        table.add_column(heading, no_wrap=heading != "summary")
    for one in codemods:
        table.add_row(one.since or "any", one.risk, one.id, one.summary)
    return table


def _explanation(codemod: Codemod) -> RenderableType:
    from rich.text import Text

    facts = {
        "since": codemod.since and f"vLLM {codemod.since}",
        "risk": codemod.risk,
        "instead": codemod.instead,
        "see": codemod.reference,
        "more": f"docs/migrate.md#{codemod.id}",
    }
    lines = [f"  {key:<9} {value}" for key, value in facts.items() if value]
    return Text("\n".join([codemod.id, f"  {codemod.summary}", *lines]))
