"""What changed for model authors in which release, and what to write instead."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from packaging.version import Version

from mmport.core.jsonable import from_builtins


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodChange:
    """A method that vLLM stopped calling under that name.

    `works_until` is the last release that still calls it, `back` the one that calls
    it again, with other parameters. `harmless` if nothing is lost with it. `renamed`
    if what took its place takes the same and gives the same.
    """

    id: str
    owner: str
    name: str
    since: str
    instead: tuple[str, ...]
    fix: str
    silent: bool
    harmless: bool = False
    renamed: bool = False
    works_until: str = ""
    back: str = ""

    def holds(self, version: str) -> bool:
        """Tell whether a release has the change."""
        return reaches(version, self.since) and not (self.back and reaches(version, self.back))

    def still_works(self, version: str) -> bool:
        """Tell whether a release calls the old name all the same."""
        return bool(self.works_until) and reaches(self.works_until, version)


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedParameter:
    """A parameter that has a default in vLLM's class, and that vLLM gives all the same."""

    id: str
    owner: str
    name: str
    parameter: str
    since: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpassedParameter:
    """A parameter that vLLM's class declares and that vLLM never gives."""

    id: str
    owner: str
    name: str
    parameter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChange:
    """A function whose parameters changed places: a call by place means something else."""

    id: str
    module: str
    name: str
    since: str
    was: tuple[str, ...]
    now: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NameChange:
    """A name that a module has no more; `fix` is what to write.

    `instead` is the dotted path of what does the same under another name or at another
    place. `drop` if a class or annotation is right without it.
    """

    id: str
    module: str
    name: str
    since: str
    fix: str
    instead: str = ""
    drop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeChange:
    """An attribute that objects of a class have no more; `fix` is what to write."""

    id: str
    owner: str
    name: str
    since: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentChange:
    """A parameter that functions and classes take no more, and why they can do without it."""

    id: str
    parameter: str
    since: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BundledChange:
    """Hooks whose parameters come in one object since.

    `into` are the parameters that took their place, name to the dotted path of the
    type, the object first. `fields` tells where the object has what came by itself:
    parameter to attribute, empty where nothing of it is left. `kept` stay parameters.
    `alike` are reads that give the object's attribute though its type is another.
    """

    id: str
    owner: str
    names: tuple[str, ...]
    since: str
    into: Mapping[str, str]
    fields: Mapping[str, str]
    kept: tuple[str, ...] = ()
    alike: Mapping[str, str] = field(default_factory=dict)
    named_tuple: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperChange:
    """A small thing that is gone for good; `code` does the same.

    `modules` are where releases had it; `needs` the imports of the code, as dotted paths.
    """

    id: str
    modules: tuple[str, ...]
    name: str
    since: str
    code: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedArgument:
    """An argument that a class or function cannot do without any more.

    `value` is what it did before without being told.
    """

    id: str
    module: str
    name: str
    parameter: str
    since: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArgument:
    """An argument that modules want of every call, and what does for those that lack it."""

    id: str
    parameter: str
    value: str
    since: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstructorChange:
    """An attribute that a class' constructor sets since, and that its inherited methods read.

    `value` is what has them do what they did before.
    """

    id: str
    module: str
    name: str
    attribute: str
    since: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodFunction:
    """A method of a model's class that is a function of `home` since.

    What it was given by place or by `parameters`, the function takes by the names of `instead`.
    """

    id: str
    module: str
    owner: str
    name: str
    parameters: tuple[str, ...]
    since: str
    home: str
    function: str
    instead: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentWeight:
    """A weight that an architecture's checkpoints of transformers 5 lack: HF does without it."""

    id: str
    architecture: str
    name: str
    since: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TowerLevel:
    """A class of an encoder whose weights lie below a level that transformers 5 does not write."""

    module: str
    name: str
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All that is known to have changed."""

    method: tuple[MethodChange, ...]
    passed: tuple[PassedParameter, ...]
    unpassed: tuple[UnpassedParameter, ...]
    order: tuple[OrderChange, ...]
    name: tuple[NameChange, ...]
    attribute: tuple[AttributeChange, ...]
    argument: tuple[ArgumentChange, ...]
    bundled: tuple[BundledChange, ...]
    helper: tuple[HelperChange, ...]
    wanted: tuple[WantedArgument, ...]
    new_argument: tuple[NewArgument, ...]
    constructor: tuple[ConstructorChange, ...]
    absent_weight: tuple[AbsentWeight, ...]
    method_function: tuple[MethodFunction, ...]
    level: tuple[TowerLevel, ...]


@cache
def changes() -> Changes:
    """Read what is known to have changed."""
    text = resources.files(__package__).joinpath("data", "changes.toml").read_text("utf-8")
    return from_builtins(tomllib.loads(text), Changes)


def hook_change(name: str, version: str) -> MethodChange | None:
    """Find what became of a method that a release calls no more; None if nothing is told."""
    found = [one for one in changes().method if one.name == name and one.holds(version)]
    return found[-1] if found else None


def replacement_of(owner: str, name: str, version: str) -> str:
    """Say what to write for a name or attribute that a release has no more; empty if not told.

    Args:
        owner: the module of a name, or the dotted path of a class or object.
        name: the name.
        version: the release.
    """
    told: Sequence[NameChange | AttributeChange] = (*changes().name, *changes().attribute)
    for one in told:
        if one.name == name and reaches(version, one.since):
            place = one.module if isinstance(one, NameChange) else one.owner
            if owner == place or owner.rpartition(".")[2] == place or isinstance(one, NameChange):
                return one.fix
    return ""


def name_change(name: str, version: str) -> NameChange | None:
    """Find what became of a name of a module that a release has no more."""
    found = (one for one in changes().name if one.name == name and reaches(version, one.since))
    return next(found, None)


def is_passed(owner: str, name: str, parameter: str, version: str) -> str:
    """Say what to write where vLLM gives a parameter that may be left out; empty if it does not."""
    for one in changes().passed:
        here = (one.owner, one.name, one.parameter) == (owner, name, parameter)
        if here and reaches(version, one.since):
            return one.fix
    return ""


def is_unpassed(owner: str, name: str, parameter: str) -> bool:
    """Tell whether vLLM declares a parameter and never gives it."""
    asked = (owner, name, parameter)
    return any((one.owner, one.name, one.parameter) == asked for one in changes().unpassed)


def reaches(version: str, other: str) -> bool:
    """Tell whether a release is another one or came after it."""
    return Version(version) >= Version(other)
