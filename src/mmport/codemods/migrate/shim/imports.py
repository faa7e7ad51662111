"""A name that moved within a span of releases is imported from wherever a release has it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmport.codemods.imports import Imported as Wanted
from mmport.codemods.migrate.changes.moved_imports import Place, place_in, rename_uses
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import drop_items, drop_statements
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import Imported
from mmport.usage.view import View
from mmport.vllm_api.changes import changes
from mmport.vllm_api.surface.areas import lies_in
from mmport.vllm_api.surface.modules import PACKAGE

_WIDTH = 88
_UNIT = "    "


@dataclass(frozen=True, slots=True)
class _Chain:
    """An alias of an import, and where releases have what it names: the newest's place first."""

    alias: ast.alias
    places: tuple[Place, ...]

    @property
    def bound(self) -> str:
        """The name that the file has for it."""
        return self.alias.asname or self.places[0].name

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules of the places."""
        return tuple(one.module for one in self.places)


_Group = list[_Chain]


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    items: dict[int, dict[str, Imported]] = {}
    for one in reading.file.imports:
        if one.name and not one.guarded and not one.instead_of:
            items.setdefault(id(one.node), {})[one.name] = one
    for run in _runs(reading):
        chains = {id(node): _chains(reading, node, items.get(id(node), {})) for node in run}
        _bridge(reading, run, chains, edits)
        for chain in (one for some in chains.values() for one in some):
            if chain.bound != (chain.alias.asname or chain.alias.name):
                rename_uses(reading, chain.alias.name, chain.bound, edits)
    return edits


def _runs(reading: Reading) -> Iterator[list[ast.stmt]]:
    """Give imports that follow one another, each on lines of its own."""
    for node in reading.nodes:
        for name in ("body", "orelse", "finalbody"):
            run: list[ast.stmt] = []
            body = getattr(node, name, None)
            for one in [*(body if isinstance(body, list) else []), None]:
                if isinstance(one, ast.Import | ast.ImportFrom):
                    run.append(one)
                    continue
                if run and len({each.lineno for each in run}) == len(run):
                    yield run
                run = []


def _chains(reading: Reading, node: ast.stmt, items: dict[str, Imported]) -> list[_Chain]:
    if not isinstance(node, ast.ImportFrom) or not items:
        return []
    found = (_Chain(one, _places(reading, items[one.name])) for one in node.names)
    return [one for one in found if one.places]


def _places(reading: Reading, item: Imported) -> tuple[Place, ...]:
    """Find from where every release of the span has a name; empty if it may stay or one has not."""
    written = Place(item.module, item.name)
    if not lies_in(item.module, (PACKAGE,)) or all(_has(one, written) for one in reading.views):
        return ()
    found: list[Place] = []
    for view in reversed(reading.views):
        if not any(_has(view, one) for one in found):
            place = written if _has(view, written) else _elsewhere(reading, item, view)
            if place is None:
                return ()
            if not lies_in(place.module, (PACKAGE,)):
                return (written, place)  # what vLLM kept for others is theirs now
            found.append(place)
    return tuple(found)


def _elsewhere(reading: Reading, item: Imported, view: View) -> Place | None:
    for change in changes().name:
        if change.instead == f"{item.module}.{item.name}":
            older = Place(change.module, change.name)
            if _has(view, older):
                return older
    return place_in(reading, item, view.names)


def _has(view: View, place: Place) -> bool:
    return view.names.find(place.module, place.name) is not None


def _bridge(
    reading: Reading, run: Sequence[ast.stmt], chains: dict[int, list[_Chain]], edits: Edits
) -> None:
    """Put the attempts below a run of imports; those of one with a comment stay below that."""
    moved: list[_Chain] = []
    last = run[-1]
    for node in run:
        own = chains[id(node)]
        if own and isinstance(node, ast.ImportFrom):
            whole = len(own) == len(node.names)
            if whole and node is not last and _commented(reading, node):
                edits.put(*reading.span(node), _text(reading, own, node).lstrip())
                continue
            moved += own
            if not whole:
                drop_items(reading, node.names, [one.alias for one in own], edits)
            elif node is not last:
                drop_statements(reading, [node], edits)
    if last in reading.tree.body:
        edits.imports += [
            Wanted(one.places[0].module, one.places[0].name, one.bound)
            for one in moved
            if len(one.places) == 1
        ]
        moved = [one for one in moved if len(one.places) > 1]
    _put_below(reading, run, moved, edits, gone=_is_gone(last, chains[id(last)]))


def _is_gone(node: ast.stmt, chains: list[_Chain]) -> bool:
    return isinstance(node, ast.ImportFrom) and len(chains) == len(node.names)


def _put_below(
    reading: Reading, run: Sequence[ast.stmt], moved: list[_Chain], edits: Edits, *, gone: bool
) -> None:
    last = run[-1]
    text = _text(reading, moved, last)
    if gone and text:
        first = "\n" if len(run) > 1 and not reading.indent(last) else ""
        edits.put(*reading.span(last), first + text.lstrip())
    elif gone:
        drop_statements(reading, [last], edits)
    elif text:
        end = reading.span(last)[1]
        end += len(reading.text[end : reading.next_line(end)].rstrip("\r\n"))
        edits.put(end, end, f"\n\n{text}")


def _commented(reading: Reading, node: ast.stmt) -> bool:
    return node.lineno > 1 and reading.line(node.lineno - 1).lstrip().startswith("#")


def _text(reading: Reading, chains: Sequence[_Chain], node: ast.stmt) -> str:
    indent = reading.indent(node)
    blocks = (_block(reading, group, 0, indent) for group in _grouped(reading, chains))
    return "\n\n".join(blocks)


def _grouped(reading: Reading, chains: Sequence[_Chain]) -> list[_Group]:
    """Put names together that every release has in one of the same modules."""
    groups: list[_Group] = []
    for chain in chains:
        fits = (
            one
            for one in groups
            if one[0].modules == chain.modules
            and all(_first(view, [*one, chain]) is not None for view in reading.views)
        )
        group = next(fits, None)
        if group is None:
            groups.append([chain])
        else:
            group.append(chain)
    return groups


def _first(view: View, group: _Group) -> int | None:
    """Tell which of the places is the first that has all names of a group in a release."""
    for place in range(len(group[0].places)):
        if all(_has(view, one.places[place]) for one in group):
            return place
    return None


def _block(reading: Reading, group: _Group, place: int, indent: str) -> str:
    """Write an import, and what is tried where it fails."""
    if place == len(group[0].places) - 1:
        return _line(reading, group, place, indent)
    inner = indent + ("\t" if indent.startswith("\t") else _UNIT)
    since = _since(reading, group, place)
    when = f"  # vLLM before {since}" if since else ""
    return (
        f"{indent}try:\n{_line(reading, group, place, inner)}\n"
        f"{indent}except ImportError:{when}\n{_block(reading, group, place + 1, inner)}"
    )


def _since(reading: Reading, group: _Group, place: int) -> str:
    """Name the first release of those, up to the newest, that need what comes later no more."""
    since = ""
    for view in reversed(reading.views):
        found = _first(view, group)
        if found is None or found > place:
            break
        since = view.names.version
    return since


def _line(reading: Reading, group: _Group, place: int, indent: str) -> str:
    module = reading.spelled(group[0].places[place].module)
    names = [
        one.places[place].name + ("" if one.places[place].name == one.bound else f" as {one.bound}")
        for one in group
    ]
    text = f"{indent}from {module} import {', '.join(names)}"
    if len(text) <= _WIDTH:
        return text
    rows = "".join(f"{indent}{_UNIT}{one},\n" for one in names)
    return f"{indent}from {module} import (\n{rows}{indent})"


CODEMOD = Codemod(
    id="tried-imports",
    summary="Imports names that moved from wherever the release has them",
    since="",
    instead="try: from new import name; except ImportError: from old import name",
    reference="the catalog of the releases: mmport catalog show",
    risk="safe",
    apply=_apply,
)
