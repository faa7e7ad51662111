"""The imports that a codemod's new code needs, in their order among those of the file."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from mmport.codemods.imports import Imported
from mmport.codemods.migrate.reading import Reading


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
    return with_imports(cst.parse_module(reading.text), spelled).code


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
