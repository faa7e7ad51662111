"""A file in the eyes of one release: what its names mean there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mmport.usage.neighbours import neighbour
from mmport.usage.source import Imported, ModelClass, ModelFile
from mmport.vllm_api.surface.areas import WITHOUT_MEMBERS, lies_in
from mmport.vllm_api.surface.modules import PACKAGE
from mmport.vllm_api.surface.release import UNKNOWN, Bound, Member, ReleaseNames, names_of
from mmport.vllm_api.surface.signatures import Signature, dataclass_signature, of_stub

_INTERFACES: Final = "vllm.model_executor.models.interfaces"
_BASE: Final = f"{_INTERFACES}_base"
_TEXT_MODEL: Final = "VllmModelForTextGeneration"
_PLAIN: Final = {
    *("ABC", "Enum", "Generic", "Module", "NamedTuple", "Protocol", "TypedDict", "object"),
}
"""Bases from elsewhere that bring no hook of vLLM's."""
_DEPTH = 8
"""How many files deep a class is looked up: two may inherit each other in a circle of imports."""


@dataclass(frozen=True, slots=True)
class Ancestry:
    """What a class inherits: classes of its file, and of the files beside it, then vLLM's.

    `implied` are protocols that a model class fulfils without naming them. `whole`
    if nothing else is inherited that could have a member unseen.
    """

    local: tuple[ModelClass, ...]
    vllm: tuple[Bound, ...]
    implied: tuple[Bound, ...] = ()
    whole: bool = True


@dataclass(slots=True)
class View:
    """A file and a release to hold it against."""

    file: ModelFile
    names: ReleaseNames
    _ancestries: dict[str, Ancestry] = field(default_factory=dict)
    _loads: dict[str, bool] = field(default_factory=dict)
    _depth: int = 0

    def meant(self, item: Imported) -> Bound | None:
        """Find what an import gives; None if it fails."""
        if item.module.partition(".")[0] != PACKAGE:
            return UNKNOWN
        if item.name:
            return self.names.find(item.module, item.name)
        return self.names.find_module(item.module)

    def runs(self, item: Imported) -> bool:
        """Tell whether an import is made: what catches the failure of others waits for one."""
        failing = (one for one in item.instead_of if self.meant(one) is None)
        return not item.instead_of or any(self.runs(one) for one in failing)

    def loads(self, version: str) -> bool:
        """Tell whether a file may be written for a release: all its imports are there."""
        if version not in self._loads:
            other = View(self.file, names_of(version))
            needed = (one for one in self.file.imports if not one.guarded and other.runs(one))
            self._loads[version] = all(other.meant(item) is not None for item in needed)
        return self._loads[version]

    def bound(self, name: str) -> Bound:
        """Find what of vLLM a name of the file is; UNKNOWN for all else."""
        item = self.file.imported(name)
        if item is None:
            item = self._tried(name)
        elif item.guarded:
            return UNKNOWN
        if item is None:
            return UNKNOWN
        found = self.meant(item)
        if found is not None and not item.name and item.bound == PACKAGE:
            return Bound(PACKAGE, "", "module")
        return found or UNKNOWN

    def _tried(self, name: str) -> Imported | None:
        """Find which import of a `try` and its `except` binds a name in the release."""
        made = (one for one in self.file.alternatives(name) if self.runs(one))
        found = [one for one in made if self.meant(one) is not None]
        return found[-1] if found else None

    def of(self, node: ast.expr) -> Bound:
        """Find what of vLLM an expression of names and dots is; UNKNOWN for all else."""
        match node:
            case ast.Name(id=name):
                return self.bound(name)
            case ast.Attribute(value=value, attr=attr):
                return self.attribute(self.of(value), attr) or UNKNOWN
            case ast.Subscript(value=value):
                return self.of(value)
        return UNKNOWN

    def attribute(self, owner: Bound, name: str) -> Bound | None:
        """Find what a module, class or known object of vLLM has by a name; None if nothing."""
        if not owner.known:
            return UNKNOWN
        if owner.stub == "module":
            return self.names.find(owner.module, name)
        made = self.instance_of(owner)
        kind = made or (owner if owner.is_class else None)
        if kind is None:
            return UNKNOWN
        member = self.names.member(kind, name)
        if member is not None:
            path = f"{member.owner.name}.{name}"
            return Bound(member.owner.module, path, member.stub, on_object=made is not None)
        return None if self._is_closed(kind) and not name.startswith("__") else UNKNOWN

    def instance_of(self, owner: Bound) -> Bound | None:
        """Find the class of a variable that holds an object of a class of vLLM's."""
        word, _, name = owner.stub.partition(" ")
        if word != "new":
            return None
        found = self.names.find(owner.module, name)
        return found if found is not None and found.is_class else None

    def ancestry(self, item: ModelClass) -> Ancestry:
        """Give what a class of the file inherits."""
        if item.name not in self._ancestries:
            self._ancestries[item.name] = Ancestry((), ())
            self._ancestries[item.name] = self._ancestry(item)
        return self._ancestries[item.name]

    def defines(self, item: ModelClass, name: str) -> bool:
        """Tell whether a class, or one of the file that it inherits, has a member itself."""
        return any(one.own(name) for one in (item, *self.ancestry(item).local))

    def inherited(self, item: ModelClass, name: str, *, implied: bool = False) -> Member | None:
        """Find what a class inherits of vLLM by a name; None if nothing."""
        ancestry = self.ancestry(item)
        owners = (*ancestry.vllm, *(ancestry.implied if implied else ()))
        return self.names.first_member(owners, name)

    def called(self, found: Bound) -> Signature | None:
        """Give what a call of a function or class takes; None if it cannot be told."""
        if found.is_class:
            return self.constructor(found)
        read = of_stub(found.stub)
        if read is None or "." not in found.name:
            return read
        words = found.stub.partition("def ")[0].split()
        # A method that is reached over its class takes its object too, unless it is the class' own.
        return read.bound() if "classmethod" in words or found.on_object else read

    def constructor(self, found: Bound) -> Signature | None:
        """Give what making an object takes, without `self`; None if it cannot be told."""
        lineage = self.names.lineage(found)
        for owner in lineage.classes:
            init = self.names.first_member((owner,), "__init__")
            if init is not None:
                read = of_stub(init.stub)
                return read and read.bound()
            if self._has_unseen_constructor(owner):
                return None
        if any(owner.stub.startswith("dataclass") for owner in lineage.classes):
            return self._fields(lineage.classes) if lineage.whole else None
        return None

    def _has_unseen_constructor(self, owner: Bound) -> bool:
        unseen = lies_in(owner.module, WITHOUT_MEMBERS) and not owner.stub.startswith("dataclass")
        return unseen or self.names.first_member((owner,), "__new__") is not None

    def _fields(self, classes: tuple[Bound, ...]) -> Signature:
        fields: dict[str, bool] = {}
        for owner in reversed(classes):
            for member in self.names.own_members(owner):
                if member.stub in ("field", "field="):
                    fields[member.name] = member.stub.endswith("=")
        return dataclass_signature(tuple(fields.items()))

    def _is_closed(self, kind: Bound) -> bool:
        """Tell whether all members of a class are known."""
        lineage = self.names.lineage(kind)
        dynamic = ("__getattr__", "__getattribute__")
        return (
            lineage.whole
            and not any(lies_in(owner.module, WITHOUT_MEMBERS) for owner in lineage.classes)
            and not any(self.names.member(kind, name) for name in dynamic)
        )

    def _ancestry(self, item: ModelClass) -> Ancestry:
        local: list[ModelClass] = []
        vllm: list[Bound] = []
        whole = True
        for base in item.node.bases:
            target = base.value if isinstance(base, ast.Subscript) else base
            inner = self.file.classes.get(target.id) if isinstance(target, ast.Name) else None
            found = self.of(target)
            if inner is not None and inner is not item:
                above = self.ancestry(inner)
                local += [inner, *above.local]
                vllm += above.vllm
                whole = whole and above.whole
            elif found.known and found.is_class:
                lineage = self.names.lineage(found)
                vllm += lineage.classes
                whole = whole and lineage.whole
            elif (above_it := self._beside(target)) is not None:
                outer, above = above_it
                local += [outer, *above.local]
                vllm += above.vllm
                whole = whole and above.whole
            else:
                whole = whole and ast.unparse(target).rpartition(".")[2] in _PLAIN
        return Ancestry(tuple(local), tuple(vllm), tuple(self._implied(item, local, vllm)), whole)

    def _beside(self, target: ast.expr) -> tuple[ModelClass, Ancestry] | None:
        """Find a class that is imported from a file beside this one, and what it inherits."""
        item = self.file.imported(target.id) if isinstance(target, ast.Name) else None
        file = neighbour(self.file.module, item) if item is not None else None
        found = file.classes.get(item.name) if file is not None and item is not None else None
        if file is None or found is None or self._depth > _DEPTH:
            return None
        return found, View(file, self.names, _depth=self._depth + 1).ancestry(found)

    def _implied(
        self, item: ModelClass, local: list[ModelClass], vllm: list[Bound]
    ) -> Iterator[Bound]:
        """Give the protocols that vLLM calls of every model, which no model inherits from."""
        if any("Processor" in owner.name or "Info" in owner.name for owner in vllm):
            return
        methods = {name for one in (item, *local) for name in one.methods}
        if {"forward", "compute_logits", "load_weights"} <= methods:
            found = self.names.find(_BASE, _TEXT_MODEL)
            if found is not None and found.is_class:
                yield from self.names.lineage(found).classes
