"""The imports that a codemod's new code needs, in their order among those of the file."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from mmport.codemods.imports import Imported
from mmport.codemods.lists import LINE_LENGTH
from mmport.codemods.migrate.codemod import Edits
from mmport.codemods.migrate.editing import edited
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.surface.stubs import FunctionNode


def with_needed(reading: Reading, wanted: Sequence[Imported]) -> str:
    """Add imports that a file lacks; LibCST is asked for nothing else, and only then."""
    there = _bound(reading) if wanted else set()
    missing = [one for one in dict.fromkeys(wanted) if one.bound not in there]
    if not missing:
        return reading.text
    import libcst as cst

    from mmport.codemods.imports import with_imports

    spelled = [
        Imported(reading.spelled(one.module), one.name, one.bound) if one.name else one
        for one in missing
    ]
    place = _first_definition(reading)
    newline = "\r\n" if "\r\n" in reading.text else "\n"
    config = cst.PartialParserConfig(default_newline=newline)
    head = with_imports(cst.parse_module(reading.text[:place], config), spelled).code
    if place < len(reading.text) and not head.endswith(newline):
        head += newline  # nothing stood above the first definition
    return head + reading.text[place:]


def _first_definition(reading: Reading) -> int:
    """Give where the first class or function begins: imports that serve it are above."""
    for node in reading.tree.body:
        if isinstance(node, ast.ClassDef | FunctionNode):
            return reading.line_start(reading.span(node)[0])
    return len(reading.text)


def laid_out(before: Reading, after: Reading) -> str:
    """Lay out the imports that are not what they were, as a formatter does.

    So an import looks the same whichever way it came to its names.
    """
    if before.text == after.text:
        return after.text
    edits = Edits()
    known = {_asked(one) for one in before.nodes if isinstance(one, ast.ImportFrom)}
    for node in after.nodes:
        if isinstance(node, ast.ImportFrom) and _asked(node) not in known:
            start, end = after.span(node)
            first, last = after.line_start(start), after.next_line(end)
            around = after.text[first:start] + after.text[end:last]
            if not around.strip() and "#" not in after.text[start:end]:
                edits.put(start, end, _laid_out(node, after.text[first:start]))
    return edited(after.text, edits.changes)


def _asked(node: ast.ImportFrom) -> tuple[object, ...]:
    return node.level, node.module, *((one.name, one.asname) for one in node.names)


def _laid_out(node: ast.ImportFrom, indent: str) -> str:
    code = ast.unparse(node)
    if len(indent) + len(code) <= LINE_LENGTH:
        return code
    names = (ast.unparse(one) for one in node.names)
    rows = "".join(f"{indent}    {one},\n" for one in names)
    return f"{code.partition(' import ')[0]} import (\n{rows}{indent})"


def _bound(reading: Reading) -> set[str]:
    """Name what is bound at the top of a module, and what its imports bind anywhere."""
    found: set[str] = set()
    for node in reading.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {one.asname or one.name.partition(".")[0] for one in node.names}
    for statement in reading.tree.body:
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            found.add(statement.name)
    return found
