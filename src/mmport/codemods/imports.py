"""Imports of a module: what is bound, and the adding of one where it belongs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from mmport.codemods.lists import LINE_LENGTH, one_a_line, with_item
from mmport.codemods.printing import code_of


@dataclass(frozen=True, slots=True)
class Imported:
    """One name that an import binds: `from module import name as bound`, or `import module`.

    `module` is as written, dots of a relative import in front; `name` is empty for
    a whole module.
    """

    module: str
    name: str
    bound: str


def imported_names(module: cst.Module) -> dict[str, Imported]:
    """Give what the imports of a module's top level bind, by that name."""
    return {found.bound: found for _, line in _import_lines(module) for found in _imported_by(line)}


def dotted(node: cst.BaseExpression | None) -> str:
    """Write a name or a chain of attributes; empty for anything else."""
    match node:
        case cst.Name(value=value):
            return value
        case cst.Attribute(value=value, attr=attr):
            inner = dotted(value)
            return f"{inner}.{attr.value}" if inner else ""
    return ""


def full_module(line: cst.ImportFrom) -> str:
    """Write the module of a from-import, with the dots of a relative one."""
    return "." * len(line.relative) + dotted(line.module)


def with_imports(module: cst.Module, wanted: Sequence[Imported]) -> cst.Module:
    """Add imports that are not there yet.

    A from-import of the same module takes the name in, in its order; otherwise a
    line of its own goes behind the last import that sorts before it.
    """
    for one in wanted:
        known = imported_names(module).get(one.bound)
        if known is None:
            module = _joined(module, one) or _with_line(module, one)
    return module


def _import_lines(
    module: cst.Module,
) -> Iterator[tuple[int, cst.Import | cst.ImportFrom]]:
    """Give the imports above the first definition: what lies below comes too late for a class."""
    for place, line in enumerate(module.body):
        if isinstance(line, cst.ClassDef | cst.FunctionDef):
            return
        if isinstance(line, cst.SimpleStatementLine):
            for part in line.body:
                if isinstance(part, cst.Import | cst.ImportFrom):
                    yield place, part


def _imported_by(line: cst.Import | cst.ImportFrom) -> Iterator[Imported]:
    if isinstance(line.names, cst.ImportStar):
        return
    for alias in line.names:
        name = dotted(alias.name)
        target = alias.asname.name if alias.asname is not None else None
        renamed = dotted(target) if isinstance(target, cst.Name) else ""
        if isinstance(line, cst.Import):
            yield Imported(name, "", renamed or name.partition(".")[0])
        else:
            yield Imported(full_module(line), name, renamed or name)


def _joined(module: cst.Module, one: Imported) -> cst.Module | None:
    """Put a name into the from-import of its module; None where there is no such line."""
    if not one.name or one.name != one.bound:
        return None
    for place, line in _import_lines(module):
        if isinstance(line, cst.ImportFrom) and full_module(line) == one.module:
            if isinstance(line.names, cst.ImportStar):
                return None
            return _replaced(module, place, line, _with_name(module, line, one.name))
    return None


def _replaced(
    module: cst.Module, place: int, old: cst.ImportFrom, new: cst.ImportFrom
) -> cst.Module:
    body = list(module.body)
    statement = body[place]
    assert isinstance(statement, cst.SimpleStatementLine)  # noqa: S101 - an import is in one
    parts = [new if part is old else part for part in statement.body]
    body[place] = statement.with_changes(body=parts)
    return module.with_changes(body=body)


def _with_name(module: cst.Module, line: cst.ImportFrom, name: str) -> cst.ImportFrom:
    assert not isinstance(line.names, cst.ImportStar)  # noqa: S101 - the caller left those out
    order = [dotted(alias.name) for alias in line.names]
    place = next((i for i, known in enumerate(order) if _key(name) < _key(known)), len(order))
    names = with_item(line.names, place, cst.ImportAlias(cst.Name(name)))
    wider = line.with_changes(names=names)
    if line.lpar is not None or len(code_of(wider)) <= LINE_LENGTH:
        return wider
    broken, names = one_a_line(names, module.default_indent, within=False)
    return wider.with_changes(
        names=names, lpar=cst.LeftParen(whitespace_after=broken), rpar=cst.RightParen()
    )


def _with_line(module: cst.Module, one: Imported) -> cst.Module:
    """Add a line of its own, where imports sorted by section and module have it.

    That is behind the one that sorts last before it, wherever the file has that.
    """
    added = cst.parse_statement(_written(one))
    body = list(module.body)
    order = [(place, _place_of(line)) for place, line in _import_lines(module)]
    new = _rank(one.module, plain=not one.name)
    group = _group(order, new)
    ranked = sorted((rank, place) for place, rank in group or order)
    before = [place for rank, place in ranked if rank <= new]
    between = () if group else (cst.EmptyLine(indent=False),)
    if before:
        body.insert(before[-1] + 1, added.with_changes(leading_lines=between))
    elif ranked:
        # It comes first, and takes over what stands above: a blank line, a comment.
        first = ranked[0][1]
        old = body[first]
        assert isinstance(old, cst.SimpleStatementLine)  # noqa: S101
        body[first] = added.with_changes(leading_lines=old.leading_lines)
        body.insert(first + 1, old.with_changes(leading_lines=between))
    else:
        body.insert(_end_of_docstring(module), added)
    return module.with_changes(body=body)


_Rank = tuple[int, int, str]


def _group(order: list[tuple[int, _Rank]], new: _Rank) -> list[tuple[int, _Rank]]:
    """Give the imports that a new one stands among: of its package, else of its section.

    Files that keep a package apart from others have it as a section of its own.
    """
    package = new[2].partition(".")[0]
    own = [one for one in order if one[1][0] == new[0] and one[1][2].split(".")[0] == package]
    return own or [one for one in order if one[1][0] == new[0]]


def _written(one: Imported) -> str:
    bound = f" as {one.bound}"
    if not one.name:
        return f"import {one.module}" + ("" if one.bound == one.module.partition(".")[0] else bound)
    return f"from {one.module} import {one.name}" + ("" if one.bound == one.name else bound)


def _place_of(line: cst.Import | cst.ImportFrom) -> _Rank:
    if isinstance(line, cst.ImportFrom):
        return _rank(full_module(line), plain=False)
    return _rank(dotted(line.names[0].name), plain=True)


def _rank(name: str, *, plain: bool) -> _Rank:
    """Order as isort does: `__future__`, the standard library, others, relative ones."""
    from sys import stdlib_module_names

    top = name.partition(".")[0]
    if top == "__future__":
        section = 0
    elif name.startswith("."):
        section = 3
    else:
        section = 1 if top in stdlib_module_names else 2
    # Within a section `import x` comes before `from x import y`.
    return section, 0 if plain else 1, name.lower()


def _key(name: str) -> tuple[int, str]:
    """Order names within a line as isort does: constants, classes, the rest."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name


def _end_of_docstring(module: cst.Module) -> int:
    return 1 if module.get_docstring(clean=False) is not None else 0
