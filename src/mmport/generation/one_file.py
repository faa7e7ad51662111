"""Two generated modules as one, for a port that is a single file."""

from __future__ import annotations

import ast


def merged_modules(helper: str, model: str) -> str:
    """Put a helper's code into the module that uses it, below the imports of both.

    Each has its licence line, docstring and imports first; the model's are kept.
    """
    helper_end, model_end = _end_of_imports(helper), _end_of_imports(model)
    head = model.splitlines(keepends=True)
    extra = helper.splitlines(keepends=True)
    imports = "".join(extra[_end_of_docstring(helper) : helper_end])
    return "".join([*head[:model_end], imports, *extra[helper_end:], "\n\n", *head[model_end:]])


def _end_of_imports(text: str) -> int:
    lines = [
        node.end_lineno or 0
        for node in ast.parse(text).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    return max(lines, default=0)


def _end_of_docstring(text: str) -> int:
    first = ast.parse(text).body[0]
    return (first.end_lineno or 0) if isinstance(first, ast.Expr) else 0
