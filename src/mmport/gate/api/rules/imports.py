"""A name is imported from where the release does not have it: the file does not load."""

from __future__ import annotations

from collections.abc import Iterator

from mmport.gate.api.hit import Hit
from mmport.gate.api.source import Imported
from mmport.gate.api.view import View
from mmport.gate.api.whereabouts import whereabouts
from mmport.gate.rule import Group, Rule
from mmport.model.finding import Severity

RULE = Rule(
    "import-gone",
    "A name of vLLM is imported from where the release does not have it.",
    Severity.ERROR,
    "import it from where the release has it, or do without it",
    Group.API,
)


def check(view: View) -> Iterator[Hit]:
    """Find imports that fail."""
    for item in view.file.imports:
        if _runs(view, item) and view.meant(item) is None:
            yield Hit(
                item.node, _message(view, item), whereabouts(view.names, item.module, item.name)
            )


def _runs(view: View, item: Imported) -> bool:
    """Tell whether an import is made, and its failure is not caught."""
    if item.guarded:
        return False
    return not item.instead_of or any(view.meant(one) is None for one in item.instead_of)


def _message(view: View, item: Imported) -> str:
    names = view.names
    there = names.find_module(item.module) is not None
    if item.name and there:
        return f"{item.module} has no {item.name}"
    module = item.module
    while "." in module and names.find_module(module.rpartition(".")[0]) is None:
        module = module.rpartition(".")[0]
    return f"there is no module {module}"
