"""Whether the tensors of several items can be joined along their first dimension."""

from __future__ import annotations

import ast
from collections.abc import Collection


def takes_first_row(node: ast.AST, inputs: Collection[str]) -> bool:
    """Tell whether code takes the first row of an input: `pixel_values[:1]`, `pixel_values[0]`.

    Such an input is one row of patches of all items, one after another.
    """
    return any(
        isinstance(part, ast.Subscript)
        and isinstance(part.value, ast.Name)
        and part.value.id in inputs
        and _is_first(part.slice)
        for part in ast.walk(node)
    )


def _is_first(place: ast.expr) -> bool:
    match place:
        case (
            ast.Constant(value=0)
            | ast.Slice(lower=None | ast.Constant(value=0), upper=ast.Constant(value=1), step=None)
        ):
            return True
    return False
