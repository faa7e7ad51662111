"""Signatures as stubs have them, and whether a call or an override fits one."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; `optional` if a call may leave it out."""

    name: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """What a callable takes; `args` and `kwargs` name what takes all the rest, or are empty."""

    positional: tuple[Parameter, ...] = ()
    keyword: tuple[Parameter, ...] = ()
    args: str = ""
    kwargs: str = ""
    positional_only: int = 0

    @property
    def required(self) -> tuple[str, ...]:
        """Name what every call has to give."""
        return tuple(one.name for one in (*self.positional, *self.keyword) if not one.optional)

    @property
    def names(self) -> tuple[str, ...]:
        """Name what can be given by name."""
        by_name = (*self.positional[self.positional_only :], *self.keyword)
        return tuple(one.name for one in by_name)

    def bound(self) -> Signature:
        """Leave out the first parameter: `self` or `cls`."""
        if not self.positional:
            return self
        only = max(self.positional_only - 1, 0)
        return Signature(self.positional[1:], self.keyword, self.args, self.kwargs, only)


def of_arguments(args: ast.arguments) -> Signature:
    """Read a signature of a function's syntax tree."""
    positional = [*args.posonlyargs, *args.args]
    first = len(positional) - len(args.defaults)
    pairs = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    return Signature(
        tuple(Parameter(one.arg, place >= first) for place, one in enumerate(positional)),
        tuple(Parameter(one.arg, default is not None) for one, default in pairs),
        args.vararg.arg if args.vararg else "",
        args.kwarg.arg if args.kwarg else "",
        len(args.posonlyargs),
    )


@lru_cache(maxsize=65536)
def of_stub(stub: str) -> Signature | None:
    """Read the signature that a stub states; None if it is none of a function."""
    words, found, rest = stub.partition("def ")
    if not found or "(" in words:
        return None
    return of_arguments(_function(rest).args)


@dataclass(frozen=True, slots=True)
class Call:
    """What a call gives: how many by place, which names, and whether it spreads more in."""

    positional: int = 0
    names: tuple[str, ...] = ()
    spreads_args: bool = False
    spreads_kwargs: bool = False


def call_of(node: ast.Call) -> Call:
    """Read what a call gives."""
    stars = [isinstance(one, ast.Starred) for one in node.args]
    return Call(
        len(node.args) - sum(stars),
        tuple(one.arg for one in node.keywords if one.arg),
        any(stars),
        any(one.arg is None for one in node.keywords),
    )


def misfits(call: Call, wanted: Signature) -> tuple[str, ...]:
    """Say what of a call a signature does not take; empty if it fits."""
    told = []
    room = len(wanted.positional)
    if call.positional > room and not wanted.args:
        told.append(f"takes {_count(room)} by place, and is given {call.positional}")
    if not wanted.kwargs:
        unknown = [name for name in call.names if name not in wanted.names]
        told.extend(f"takes no {name!r}" for name in unknown)
    by_place = {one.name for one in wanted.positional[: call.positional]}
    told.extend(f"is given {name!r} twice" for name in call.names if name in by_place)
    if not call.spreads_args and not call.spreads_kwargs:
        given = by_place | set(call.names)
        told.extend(f"needs {name!r}" for name in wanted.required if name not in given)
    return tuple(told)


@dataclass(frozen=True, slots=True)
class Misfit:
    """A parameter in which an override differs from what it overrides.

    `lacking`: it does not take what it may be given; else it wants what it is not
    given. `optional` if who calls may do otherwise: leave it out, or give it by name.
    """

    parameter: str
    lacking: bool
    optional: bool = False

    def __str__(self) -> str:
        """Say it."""
        if self.lacking:
            return f"does not take {self.parameter!r}"
        given = "may not be" if self.optional else "is not"
        return f"wants {self.parameter!r}, which it {given} given"


def cannot_stand_for(own: Signature, base: Signature) -> tuple[Misfit, ...]:
    """Find which calls that fit `base` an override does not take; empty if it takes all.

    Both are without `self`. A parameter of another name counts as the same if it
    stands at the same place: who calls it by place does not notice.
    """
    keyword = {one.name for one in own.keyword}
    by_place = () if own.args else base.positional[len(own.positional) :]
    found = [
        Misfit(one.name, True, one.optional or one.name in keyword or bool(own.kwargs))
        for one in by_place
    ]
    found += [
        Misfit(one.name, lacking=True, optional=one.optional)
        for one in base.keyword
        if one.name not in own.names and not own.kwargs
    ]
    more = own.positional[0 if base.args else len(base.positional) :]
    wanted = [] if base.args else [*more, *own.keyword]
    found += [
        Misfit(one.name, lacking=False, optional=bool(base.kwargs))
        for one in wanted
        if not one.optional and one.name not in base.names
    ]
    found += [
        Misfit(one.name, lacking=False, optional=True)
        for one, other in zip(own.positional, base.positional, strict=False)
        if other.optional and not one.optional
    ]
    optional = {one.name for one in base.keyword if one.optional}
    optional |= {one.name for one in base.positional} - {one.name for one in own.positional}
    found += [
        Misfit(one.name, lacking=False, optional=True)
        for one in (*own.positional, *own.keyword)
        if not one.optional and one.name in optional
    ]
    return tuple(found)


def dataclass_signature(fields: Sequence[tuple[str, bool]]) -> Signature:
    """Make the constructor's signature of a dataclass' fields: name, and whether it has a default.

    Without `self`.
    """
    return Signature(tuple(Parameter(name, optional) for name, optional in fields))


def _function(rest: str) -> ast.FunctionDef:
    node = ast.parse(f"def f{rest}: ...").body[0]
    assert isinstance(node, ast.FunctionDef)  # noqa: S101 - it was just written
    return node


def _count(number: int) -> str:
    return {0: "none", 1: "one"}.get(number, str(number))
