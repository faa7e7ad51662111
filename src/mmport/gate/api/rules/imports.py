"""A name is imported from where the release does not have it: the file does not load."""

from __future__ import annotations

from collections.abc import Iterator

from mmport.gate.api.hit import Hit
from mmport.gate.rule import Group, Rule
from mmport.model.finding import Severity
from mmport.usage.source import Imported
from mmport.usage.view import View
from mmport.usage.whereabouts import whereabouts

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
        if not item.guarded and view.runs(item) and view.meant(item) is None:
            yield Hit(
                item.node, _message(view, item), whereabouts(view.names, item.module, item.name)
            )


def _message(view: View, item: Imported) -> str:
    names = view.names
    there = names.find_module(item.module) is not None
    if item.name and there:
        return f"{item.module} has no {item.name}"
    module = item.module
    while "." in module and names.find_module(module.rpartition(".")[0]) is None:
        module = module.rpartition(".")[0]
    return f"there is no module {module}"
