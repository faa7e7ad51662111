"""A file that was copied out of vLLM's models imports its old neighbours by their full names."""

from __future__ import annotations

import ast
import re

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading
from mmport.vllm_api.surface.areas import lies_in
from mmport.vllm_api.surface.modules import PACKAGE

_HEAD = re.compile(r"from\s*((?:\.\s*)+(?:(?!import\b)[\w.]+)?)")


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    nodes = dict.fromkeys(one.node for one in reading.file.imports)
    for node in nodes if reading.foreign else ():
        if isinstance(node, ast.ImportFrom) and node.level:
            module = reading.module.absolute(node)
            head = _HEAD.match(reading.text, reading.span(node)[0])
            if head and lies_in(module, (PACKAGE,)) and _is_known(reading, module):
                written = head.group(1).strip()
                start = head.start(1) + head.group(1).index(written)
                before = reading.text[start - 1] if start else ""
                gap = "" if before.isspace() else " "
                edits.put(start, start + len(written), f"{gap}{module}")
    return edits


def _is_known(reading: Reading, module: str) -> bool:
    """Tell vLLM's modules from a neighbour of the file's own that does not lie beside it now."""
    return any(view.names.find_module(module) for view in (reading.before, reading.after))


CODEMOD = Codemod(
    id="absolute-imports",
    summary="Imports vLLM's models by their full names",
    since="",
    instead="from vllm.model_executor.models.utils import …",
    reference="A model outside vLLM has none of vLLM's modules beside it.",
    risk="safe",
    apply=_apply,
    serves="",
)
