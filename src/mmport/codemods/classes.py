"""Classes of a module: finding them, their methods and attributes, and putting code into them."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import libcst as cst

from mmport.codemods.imports import dotted
from mmport.codemods.printing import code_of

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
STATEMENTS = (cst.SimpleStatementLine, cst.BaseCompoundStatement)
"""The same, for `isinstance`."""

Holder = TypeVar("Holder", cst.ClassDef, cst.FunctionDef)

_BLANK = cst.EmptyLine(indent=False)


def classes(module: cst.Module) -> Iterator[cst.ClassDef]:
    """Give the classes of a module's top level."""
    return (node for node in module.body if isinstance(node, cst.ClassDef))


def find_class(module: cst.Module, name: str) -> cst.ClassDef:
    """Find a class of the top level; the last one of that name is what the name stands for."""
    return [node for node in classes(module) if node.name.value == name][-1]


def replace_class(module: cst.Module, node: cst.ClassDef) -> cst.Module:
    """Put a changed class in the place of the one of its name."""
    old = find_class(module, node.name.value)
    return module.with_changes(body=[node if one is old else one for one in module.body])


def base_names(node: cst.ClassDef) -> list[str]:
    """Name the bases of a class, as written, without what they are subscripted by."""
    values = (arg.value for arg in node.bases if arg.keyword is None and not arg.star)
    return [dotted(one.value if isinstance(one, cst.Subscript) else one) for one in values]


def lineage(module: cst.Module, node: cst.ClassDef) -> Iterator[cst.ClassDef]:
    """Give a class and those of this module that it inherits from."""
    known = {one.name.value: one for one in classes(module)}
    left, seen = [node], set[str]()
    while left:
        one = left.pop(0)
        if one.name.value not in seen:
            seen.add(one.name.value)
            yield one
            left += [known[name] for name in base_names(one) if name in known]


def statements(node: cst.ClassDef | cst.FunctionDef) -> list[Statement]:
    """Give the statements of a body; those of a body on the line of its head as lines."""
    return block(node.body)


def block(suite: cst.BaseSuite) -> list[Statement]:
    """Give the statements of a suite; small ones on the line of a head as lines of their own."""
    if isinstance(suite, cst.SimpleStatementSuite):
        return [cst.SimpleStatementLine([one]) for one in suite.body]
    held = suite.body if isinstance(suite, cst.IndentedBlock) else ()
    return [one for one in held if isinstance(one, STATEMENTS)]


def with_statements(node: Holder, body: Sequence[Statement]) -> Holder:
    """Give a class or function another body; what stands around it stays."""
    if isinstance(node.body, cst.IndentedBlock):
        return node.with_changes(body=node.body.with_changes(body=list(body)))
    return node.with_changes(body=cst.IndentedBlock(list(body)))


def method(node: cst.ClassDef, name: str) -> cst.FunctionDef | None:
    """Find a method that a class itself has, the last of its name."""
    found = [
        one
        for one in statements(node)
        if isinstance(one, cst.FunctionDef) and one.name.value == name
    ]
    return found[-1] if found else None


def assigned(statement: Statement) -> str:
    """Name what a statement assigns to (`x`, `self.x`), if it assigns to one thing."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return ""
    match statement.body[0]:
        case cst.Assign(targets=[cst.AssignTarget(target=target)]):
            return dotted(target)
        case cst.AnnAssign(target=target):
            return dotted(target)
    return ""


def value_of(statement: Statement) -> cst.BaseExpression | None:
    """Give what a statement assigns, if it assigns to one thing."""
    if assigned(statement) and isinstance(statement, cst.SimpleStatementLine):
        part = statement.body[0]
        if isinstance(part, cst.Assign | cst.AnnAssign):
            return part.value
    return None


def parameter_names(function: cst.FunctionDef) -> set[str]:
    """Name the parameters of a function that take one value each."""
    params = function.params
    return {one.name.value for one in (*params.params, *params.kwonly_params)}


def attribute(node: cst.ClassDef, name: str) -> Statement | None:
    """Find the statement of a class's body that sets an attribute, the last one."""
    found = [one for one in statements(node) if assigned(one) == name]
    return found[-1] if found else None


def after_attributes(body: Sequence[Statement]) -> int:
    """Say where the first method of a body stands, or where one would."""
    places = [place for place, one in enumerate(body) if isinstance(one, cst.FunctionDef)]
    return places[0] if places else len(body)


def written(code: str) -> list[Statement]:
    """Parse statements that we write; a comment in front belongs to the first."""
    # A blank line in front would be indented with the body that it comes into.
    module = cst.parse_module(code.lstrip("\n"))
    found = [one for one in module.body if isinstance(one, STATEMENTS)]
    head = [line for line in module.header if line.comment is not None]
    if head:
        found[0] = found[0].with_changes(leading_lines=[*head, *found[0].leading_lines])
    return found


def with_method(node: cst.ClassDef, old: cst.FunctionDef, new: cst.FunctionDef) -> cst.ClassDef:
    """Put a method in the place of one that a class has."""
    return with_statements(node, [new if one is old else one for one in statements(node)])


def is_filler(statement: Statement) -> bool:
    """Tell `pass` and `...`: a body that has anything else needs no such thing.

    One that somebody wrote a comment at is no filler.
    """
    commented = "#" in code_of(statement)
    return (
        not commented
        and isinstance(statement, cst.SimpleStatementLine)
        and all(
            isinstance(part, cst.Pass)
            or (isinstance(part, cst.Expr) and isinstance(part.value, cst.Ellipsis))
            for part in statement.body
        )
    )


def is_docstring(statement: Statement) -> bool:
    """Tell a statement that is a string alone."""
    return (
        isinstance(statement, cst.SimpleStatementLine)
        and len(statement.body) == 1
        and isinstance(statement.body[0], cst.Expr)
        and isinstance(statement.body[0].value, cst.SimpleString | cst.ConcatenatedString)
    )


def apart(statement: Statement, lines: int = 1) -> Statement:
    """Have so many blank lines above a statement and its comments; more that are there stay."""
    kept = list(statement.leading_lines)
    blank = next((n for n, line in enumerate(kept) if line.comment is not None), len(kept))
    missing = [_BLANK] * (lines - blank)
    return statement.with_changes(leading_lines=[*missing, *kept])


def calls(node: cst.CSTNode) -> Iterator[cst.Call]:
    """Give every call within a node."""
    import libcst.matchers as m

    found: Iterable[cst.CSTNode] = m.findall(node, m.Call())
    return (one for one in found if isinstance(one, cst.Call))


def names_in(nodes: Iterable[cst.CSTNode]) -> set[str]:
    """Name every variable that nodes mention.

    Through Python's own tree: a walk of ours over a whole file takes a hundred times as long.
    """
    found = set[str]()
    for node in nodes:
        code = node.code if isinstance(node, cst.Module) else code_of(node)
        if isinstance(node, cst.Decorator):
            code = f"{code}def decorated(): ..."
        tree = ast.parse(textwrap.dedent(code))
        found |= {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}
    return found
