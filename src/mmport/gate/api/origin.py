"""Which release a file was written for: the newest that has all that it asks for."""

from __future__ import annotations

from dataclasses import dataclass

from mmport.gate.api.check import hits
from mmport.model.finding import Severity
from mmport.usage.parsing import model_file
from mmport.usage.source import ModelFile
from mmport.usage.view import View
from mmport.vllm_api import store
from mmport.vllm_api.surface.release import names_of
from mmport.vllm_api.surface.stubs import ModuleName


@dataclass(frozen=True, slots=True)
class Origin:
    """A release, and how many imports of the file fail there, or rules find errors.

    Both are 0 where the release has all that the file asks for.
    """

    version: str
    failing_imports: int = 0
    errors: int = 0

    @property
    def is_sure(self) -> bool:
        """Tell whether the release has all that the file asks for."""
        return not self.failing_imports and not self.errors


def origin_of(text: str, module: ModuleName, target: str) -> Origin:
    """Find the newest release up to `target` in which imports resolve and no rule finds an error.

    Where there is none, the newest of those in which the fewest imports fail.
    """
    file = model_file(text, module)
    releases = store.releases()[: store.places()[target] + 1][::-1]
    best: Origin | None = None
    for version in releases:
        view = View(file, names_of(version))
        failing = _failing(view, file)
        if best is not None and failing > best.failing_imports:
            continue
        found = Origin(version, failing, _errors(text, module, version))
        if found.is_sure:
            return found
        if best is None or (failing, found.errors) < (best.failing_imports, best.errors):
            best = found
    return best or Origin(target)


def _failing(view: View, file: ModelFile) -> int:
    needed = (one for one in file.imports if not one.guarded and not one.instead_of)
    return sum(view.meant(one) is None for one in needed)


def _errors(text: str, module: ModuleName, version: str) -> int:
    found = hits(text, module, version)
    return sum(rule.severity is Severity.ERROR and not hit.mild for rule, hit in found)
