"""transformers' table of checkpoint conversions, read as a syntax tree.

The table is a dictionary that a function builds: a literal, entries that are
copies of others with something added, and aliases at the end. The function is
followed statement by statement; an entry that it makes in another way is
unread, and asking for it is an error, so nothing is lost in silence.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from mmport.core.errors import MalformedSource
from mmport.model.conversions import Argument, NameRule, Operation, TensorRule

_BUILDER = "_build_checkpoint_conversion_mapping"
_ALIASES = "_MODEL_TO_CONVERSION_PATTERN"

Rule = NameRule | TensorRule
Entry = tuple[Rule, ...]


class _UnreadError(Exception):
    """An expression that is more than rules and constants."""


@dataclass(slots=True)
class Table:
    """Rules by a model's class name or by its config's type."""

    entries: dict[str, Entry] = field(default_factory=dict)
    unread: set[str] = field(default_factory=set)

    def find(self, key: str) -> Entry | None:
        """Give the rules for a class name or a model type.

        Raises:
            MalformedSource: there are some, and they could not be read.
        """
        if key in self.unread:
            raise MalformedSource(
                f"transformers' conversion of {key} checkpoints is written in a way "
                "that mmport cannot read",
                "install the release of transformers that mmport names",
            )
        return self.entries.get(key)


def read_table(tree: ast.Module) -> Table:
    """Read the table of a release from the module that builds it."""
    aliases = _aliases(tree)
    table = Table()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == _BUILDER:
            for statement in node.body:
                _follow(table, statement)
    for key, base in aliases.items():
        if base in table.unread:
            table.unread.add(key)
        elif base in table.entries:
            table.entries.setdefault(key, table.entries[base])
    return table


def class_rules(node: ast.ClassDef) -> tuple[NameRule, ...]:
    """Read the renames that a class carries itself, as classes did before the table."""
    for statement in node.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict() as value)
            ) if name == "_checkpoint_conversion_mapping":
                return tuple(
                    _name_rule(key.value, target.value)
                    for key, target in zip(value.keys, value.values, strict=True)
                    if isinstance(key, ast.Constant) and isinstance(key.value, str)
                    if isinstance(target, ast.Constant) and isinstance(target.value, str)
                )
    return ()


def _aliases(tree: ast.Module) -> dict[str, str]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as value):
                if name == _ALIASES:
                    return {str(key): str(base) for key, base in ast.literal_eval(value).items()}
    return {}


def _follow(table: Table, statement: ast.stmt) -> None:
    match statement:
        case ast.Assign(targets=[ast.Name()], value=ast.Dict(keys=keys, values=values)):
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant):
                    _set(table, str(key.value), value, ())
        case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=str(key)))], value=value):
            _set(table, key, value, ())
        case ast.AugAssign(
            target=ast.Subscript(slice=ast.Constant(value=str(key))), op=ast.Add(), value=value
        ):
            _set(table, key, value, table.entries.get(key, ()))


def _set(table: Table, key: str, value: ast.expr, before: Entry) -> None:
    try:
        table.entries[key] = before + _rules(table, value)
    except _UnreadError:
        table.entries.pop(key, None)
        table.unread.add(key)


def _rules(table: Table, value: ast.expr) -> Entry:
    match value:
        case ast.List(elts=items):
            return tuple(rule for item in items for rule in _rule(item))
        case ast.Call(func=ast.Attribute(value=inner, attr="copy"), args=[]):
            return _rules(table, inner)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _rules(table, left) + _rules(table, right)
        case ast.Subscript(slice=ast.Constant(value=str(key))) if key in table.entries:
            return table.entries[key]
    raise _UnreadError


def _rule(node: ast.expr) -> Entry:
    match node:
        case ast.Call(func=ast.Name(id=kind)):
            given = _arguments(node)
        case _:
            raise _UnreadError
    if kind == "PrefixChange":
        return (_prefix_change(**given),)
    sources, targets = _strings(given["source_patterns"]), _strings(given["target_patterns"])
    if kind == "WeightConverter":
        return (
            TensorRule(
                tuple(literal_dots(source) for source in sources),
                tuple(_target(target) for target in targets),
                tuple(_operations(given["operations"])),
            ),
        )
    pairs = [_name_rule(*pair) for pair in zip(sources, targets, strict=True)]
    if kind == "GroupWeightRename":
        # `0` to `1` and `1` to `2` are one step; the last goes first so that none goes twice.
        return tuple(reversed(pairs))
    if kind == "WeightRenaming":
        return tuple(pairs)
    raise _UnreadError


_POSITIONAL = {
    "PrefixChange": ("prefix_to_add", "prefix_to_remove", "model_prefix"),
    "WeightConverter": ("source_patterns", "target_patterns", "operations"),
}


def _arguments(node: ast.Call) -> dict[str, object]:
    kind = node.func.id if isinstance(node.func, ast.Name) else ""
    names = _POSITIONAL.get(kind, ("source_patterns", "target_patterns"))
    given = dict(zip(names, node.args, strict=False))
    given |= {word.arg: word.value for word in node.keywords if word.arg}
    return {name: _value(value) for name, value in given.items()}


def _value(node: ast.expr) -> object:
    """Give a constant, a list of them, or the calls of a list as operations."""
    if isinstance(node, ast.List) and any(isinstance(item, ast.Call) for item in node.elts):
        return [_operation(item) for item in node.elts]
    try:
        value: object = ast.literal_eval(node)
    except ValueError as error:
        raise _UnreadError from error
    return value


def _operation(node: ast.expr) -> Operation:
    match node:
        case ast.Call(func=ast.Name(id=name), args=args, keywords=words):
            # Positions of these constructors are not told apart; their order is kept.
            pairs = [*((f"#{at}", _value(arg)) for at, arg in enumerate(args))]
            pairs += [(word.arg or "", _value(word.value)) for word in words]
            return Operation(name, tuple((key, _frozen(value)) for key, value in pairs))
    raise _UnreadError


def _frozen(value: object) -> Argument:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if value is None or isinstance(value, int | float | str | bool):
        return value
    raise _UnreadError


def _operations(value: object) -> Iterable[Operation]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, Operation))


def _strings(value: object) -> list[str]:
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in found):
        raise _UnreadError
    return [str(item) for item in found]


def _prefix_change(
    prefix_to_add: object = None, prefix_to_remove: object = None, model_prefix: object = None
) -> NameRule:
    above = f"{model_prefix}." if model_prefix else ""
    start = f"^{re.escape(above)}"
    if prefix_to_add:
        added = re.escape(f"{prefix_to_add}.")
        return NameRule(f"{start}(?!{added})", f"{above}{prefix_to_add}.")
    return NameRule(f"{start}{re.escape(f'{prefix_to_remove}.')}", above)


def _name_rule(source: str, target: str) -> NameRule:
    return NameRule(literal_dots(source.replace("*.", r".*\.")), _target(target))


def _target(target: str) -> str:
    """Take from a target what only matters to its use as a source, when saving."""
    plain = re.sub(r"\(\?.+?\)?\)", "", target.removeprefix("^").removesuffix("$"))
    plain = plain.replace(r"\.", ".")
    group = re.search(r"\(.+?\)", plain)
    return plain.replace(group[0], r"\1", 1) if group else plain


def literal_dots(pattern: str) -> str:
    """Escape each dot that is meant as one: any that nothing repeats."""
    return re.sub(r"(?<!\\)\.(?![*+?{])", r"\.", pattern)
