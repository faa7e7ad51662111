"""Models that a repo registers with transformers' auto classes, for configs of its own.

An auto class finds them by the config's class. A port gets its config from the
repo and its modules from its own copy, so there they are made by their names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from mmport.anatomy.repo_code.module_text import parse
from mmport.model.spec import Anatomy, ImportedName

_AUTO = "AutoModel"
_MAKERS = frozenset({"from_config", "_from_config"})


def by_their_names(
    anatomy: Anatomy, texts: Mapping[str, str], classes: Mapping[str, str]
) -> Anatomy:
    """Have an anatomy's statements make registered models by their names.

    Args:
        anatomy: of a repo's model.
        texts: the repo's source by module name.
        classes: the classes of the config's parts that are the repo's own, by key.

    Raises:
        MalformedSource: a file of the repo that names an auto class is not Python.
    """
    known = {config: found for text in texts.items() for config, found in _registered(*text)}
    models = {key: known[name] for key, name in classes.items() if name in known}
    if not models:
        return anatomy
    maker = _Maker(models)
    statements = tuple(map(maker.written, anatomy.statements))
    within = anatomy.within and replace(
        anatomy.within, statements=tuple(map(maker.written, anatomy.within.statements))
    )
    used = _names((*statements, *(within.statements if within else ())))
    kept = [one for one in anatomy.imports if not one.name.startswith(_AUTO) or one.name in used]
    return replace(
        anatomy, statements=statements, within=within, imports=(*kept, *maker.imports.values())
    )


def _registered(module: str, text: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Give config classes and the model, with its module, that is registered for each."""
    for node in parse(f"{module}.py", text).body if f"{_AUTO}.register" in text else ():
        match node:
            case ast.Expr(
                value=ast.Call(
                    func=ast.Attribute(value=ast.Name(id=auto), attr="register"),
                    args=[ast.Name(id=config), ast.Name(id=model), *_],
                )
            ) if auto == _AUTO:
                yield config, (module, model)


class _Maker(ast.NodeTransformer):
    def __init__(self, models: Mapping[str, tuple[str, str]]) -> None:
        self.imports: dict[str, ImportedName] = {}
        self._models = models

    def written(self, statement: str) -> str:
        """Write a statement; as it is where there is nothing to change."""
        before = len(self.imports)
        changed = self.visit(ast.parse(statement))
        again = any(name in _names([ast.unparse(changed)]) for name in self.imports)
        return ast.unparse(changed) if again or len(self.imports) > before else statement

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Make a registered model by its name."""
        self.generic_visit(node)
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=auto), attr=maker),
                args=[ast.Attribute(attr=key) as config, *_],
            ) if auto == _AUTO and maker in _MAKERS and key in self._models:
                module, name = self._models[key]
                self.imports[name] = ImportedName(name, module)
                made = ast.Attribute(ast.Name(name, ast.Load()), "_from_config", ast.Load())
                return ast.Call(made, [config], [])
        return node


def _names(statements: Iterable[str]) -> set[str]:
    return {
        node.id
        for statement in statements
        for node in ast.walk(ast.parse(statement))
        if isinstance(node, ast.Name)
    }
