"""What a file of the first multimodal API lacks, taken from a port of the same model."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mmport.codemods.imports import Imported

_PLACEHOLDER, _MAPPER = "get_placeholder_str", "hf_to_vllm_mapper"


@dataclass(frozen=True, slots=True)
class Donor:
    """What processes a model's items in its port, as code.

    `decorator` registers it. `helpers` are the statements that it needs, by the name that
    each defines, in their order. `members` are those of the port's class that any class of
    the model can have: `get_placeholder_str`, `hf_to_vllm_mapper`. `imports` are of everything.
    """

    class_name: str
    decorator: str
    helpers: Mapping[str, str]
    members: Mapping[str, str]
    imports: tuple[Imported, ...]

    def imports_of(self, codes: Iterable[str]) -> list[Imported]:
        """Give the imports of what code mentions."""
        mentioned = {name for code in codes for name in names_of(code)}
        return [one for one in self.imports if one.bound in mentioned]


def read_donor(text: str, class_name: str) -> Donor:
    """Take out of a port's file what processes the items of its class."""
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    model = next(
        one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == class_name
    )
    decorator = "".join(_lines(lines, model.decorator_list[0])).strip()
    code = {
        name: _code(lines, one) for one in tree.body if one is not model and (name := _defined(one))
    }
    wanted = _needed(decorator.removeprefix("@"), code)
    return Donor(
        class_name,
        decorator,
        {name: one for name, one in code.items() if name in wanted},
        {
            name: _code(lines, one)
            for one in model.body
            if (name := _defined(one)) in (_PLACEHOLDER, _MAPPER)
        },
        tuple(_imports(tree)),
    )


def names_of(code: str) -> set[str]:
    """Name all that code mentions; it may stand at any level."""
    lines = code.splitlines() or [""]
    indent = len(lines[0]) - len(lines[0].lstrip())
    tree = ast.parse("\n".join(line[indent:] for line in lines))
    return {one.id for one in ast.walk(tree) if isinstance(one, ast.Name)}


def _needed(start: str, code: Mapping[str, str]) -> set[str]:
    found: set[str] = set()
    left = names_of(start) & set(code)
    while left:
        name = left.pop()
        found.add(name)
        left |= (names_of(code[name]) & set(code)) - found
    return found


def _defined(node: ast.stmt) -> str:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return ""


def _lines(lines: Sequence[str], node: ast.expr | ast.stmt) -> Sequence[str]:
    first = node.lineno
    if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.decorator_list:
        first = node.decorator_list[0].lineno
    return lines[first - 1 : node.end_lineno]


def _code(lines: Sequence[str], node: ast.stmt) -> str:
    """Give a statement with the comments right above it."""
    own = _lines(lines, node)
    first = (node.end_lineno or 0) - len(own)
    start = first
    while start and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return "".join(lines[start:first]) + "".join(own)


def _imports(tree: ast.Module) -> Iterator[Imported]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Imported(node.module or "", alias.name, alias.asname or alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield Imported(alias.name, "", alias.asname or alias.name.partition(".")[0])
