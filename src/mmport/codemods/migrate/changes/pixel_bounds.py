"""transformers 5 keeps the least and the most pixels of an image in the processor's `size`."""

from __future__ import annotations

import ast
import re

from mmport.codemods.migrate.changes.moved_imports import is_gone, place_in
from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import put_definitions
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import Imported
from mmport.vllm_api.surface.areas import lies_in
from mmport.vllm_api.surface.stubs import FunctionNode

_EDGES = {"min_pixels": "shortest_edge", "max_pixels": "longest_edge"}
_LIBRARY = "transformers"
_FUNCTION = "_pixel_bound"
_CODE = f"""
def {_FUNCTION}(image_processor, name: str) -> int:
    # A repository's own processor may have been written before transformers 5.
    bound = getattr(image_processor, name, None)
    edge = "shortest_edge" if name == "min_pixels" else "longest_edge"
    return image_processor.size[edge] if bound is None else bound
"""
_NAMED = re.compile(r"(image|video)_processor$")
_WORD = re.compile(r"\w+")


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    alternatives = _alternatives(reading)
    reads = (
        one
        for one in reading.nodes
        if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Load)
    )
    found = [one for one in reads if one.attr in _EDGES and _is_processor(one.value)]
    called = [_put(reading, one, alternatives.get(one), edits) for one in found]
    if any(called):
        put_definitions(reading, [_CODE], edits)
    return edits


def _is_processor(node: ast.expr) -> bool:
    """Tell an image processor by its name, or by the name of the method that gives it."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return bool(_NAMED.search(name))
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return bool(_NAMED.search(name))
    return False


def _alternatives(reading: Reading) -> dict[ast.expr, ast.BoolOp]:
    """Find what reads a bound of two places: by its name, and of the size if there is none."""
    return {
        node.values[0]: node
        for node in reading.nodes
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and len(node.values) == 2
    }


def _put(reading: Reading, node: ast.Attribute, either: ast.BoolOp | None, edits: Edits) -> bool:
    """Read a bound where it is now; true where that takes a function of the file's own."""
    owner = reading.code(node.value)
    size = f'{owner}.size["{_EDGES[node.attr]}"]'
    said = _annotation(reading, node)
    if _of_library(reading, said):
        other = reading.code(either.values[1]).replace("'", '"') if either is not None else ""
        whole = either if either is not None and other == size else node
        edits.put(*reading.span(whole), size)
    elif not said and either is None:
        edits.put(*reading.span(node), f'{_FUNCTION}({owner}, "{node.attr}")')
        return True
    return False


def _of_library(reading: Reading, annotation: str) -> bool:
    names = (reading.file.imported(word) for word in _WORD.findall(annotation))
    return any(lies_in(_module(reading, one), (_LIBRARY,)) for one in names if one is not None)


def _module(reading: Reading, item: Imported) -> str:
    """Name where a class is in the target: vLLM kept some until transformers had them."""
    place = place_in(reading, item, reading.after.names) if is_gone(reading, item) else None
    return place.module if place is not None else item.module


def _annotation(reading: Reading, node: ast.Attribute) -> str:
    """Give what is said of a processor's class: at the parameter, or where a method gives it."""
    scope = reading.scope(node)
    item = reading.file.classes.get(scope[0]) if scope else None
    method = item.methods.get(scope[1]) if item is not None and len(scope) == 2 else None
    if item is None or method is None:
        return ""
    if isinstance(node.value, ast.Name):
        for one in (*method.args.args, *method.args.kwonlyargs):
            if one.arg == node.value.id and one.annotation is not None:
                return reading.code(one.annotation)
    given = (one for name, one in item.methods.items() if name.endswith(_giver(node.value)))
    return next((_returned(reading, one) for one in given), "")


def _giver(node: ast.expr) -> str:
    """Name the method of the same class that gives such a processor."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name)):
            return name
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return f"get_{name}"
    return "get_image_processor"


def _returned(reading: Reading, method: FunctionNode) -> str:
    return reading.code(method.returns) if method.returns is not None else ""


CODEMOD = Codemod(
    id="pixel-bounds",
    summary="an image's least and most pixels are read of the processor's size",
    since="0.19.0",
    instead='size["shortest_edge"], size["longest_edge"]',
    reference="transformers 5: the image processors of Qwen2-VL and its kin",
    risk="safe",
    apply=_apply,
    # A processor that vLLM kept itself is transformers' in some later release.
    outlives="0.31.0",
)
