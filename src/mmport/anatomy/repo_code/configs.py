"""What a repo's own config class makes of `config.json`, read and not run."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mmport.anatomy.repo_code.module_text import Import, ModuleText, is_module_name
from mmport.anatomy.repo_code.plain_code import MADE_AS, UNKNOWN, Budget, Reader, Scope
from mmport.core.errors import MalformedSource

_MAKERS = ("AutoConfig.for_model", "CONFIG_MAPPING[]")
_NEW = ("__init__", "__post_init__")
_MOST = 100_000
_TAKEN = "<taken>"  # the key for the names that a class takes, beside MADE_AS


@dataclass(frozen=True, slots=True)
class RepoConfig:
    """A config as its class would make it, as plain values.

    Attributes:
        values: the attributes: `config.json`, the class's defaults, and what
            its code sets; parts are dictionaries with their `model_type`.
        filled: `config.json` with the default of all that the classes take and
            it leaves out, and nothing that their code works out of it.
        text: the key of the part that `get_text_config` gives; empty where the
            class leaves that to transformers.
        base: the class of another package that it extends.
        bases: the same of the parts that are of the repo's own classes, by key.
        classes: the classes of these.
        untold: attributes that only running the code would tell.
    """

    values: dict[str, Any]
    filled: dict[str, Any]
    text: str
    base: str
    bases: Mapping[str, str]
    classes: Mapping[str, str]
    untold: tuple[str, ...]


def read_config(
    config: Mapping[str, Any],
    modules: Mapping[str, str],
    model_type_of: Callable[[str], str] = lambda _: "",
) -> RepoConfig:
    """Read a config of a class of the repo's own.

    Args:
        config: `config.json`.
        modules: the repo's source by module name.
        model_type_of: the model type of a config class of transformers by its
            name; empty if it has none.

    Raises:
        MalformedSource: the class is not where `auto_map` says, or not Python.
    """
    reference = (config.get("auto_map") or {}).get("AutoConfig")
    module, _, name = str(reference).rpartition(".")
    classes = _Classes(modules, model_type_of)
    found = classes.find(module.rpartition("--")[2], name)
    if found is None:
        raise MalformedSource(
            f"auto_map names {str(reference)[:80]!r}, a class that the repo does not have",
            "fetch the repo again, or mend its config.json",
        )
    given = {key: value for key, value in config.items() if key != "auto_map"}
    made = classes.make(found, copy.deepcopy(given))
    untold = sorted(key for key, value in made.items() if not _is_told(value))
    known = {key: value for key, value in made.items() if key not in untold}
    values = dict(config) | _unmarked(known)
    parts = classes.own_parts(found, made)
    return RepoConfig(
        values=values | {key: given[key] for key in untold if key in given},
        filled=_filled(config, known),
        text=classes.text_of(found),
        base=classes.base_of(found),
        bases={key: classes.base_of(part) for key, part in parts.items()},
        classes={key: part.node.name for key, part in parts.items()},
        untold=tuple(untold),
    )


def _filled(config: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """Give a config with what its class takes beside it, part by part."""
    filled = dict(config)
    for key, value in made.items():
        part = config.get(key)
        if isinstance(value, dict) and MADE_AS in value:
            known = {name: item for name, item in value.items() if _is_told(item)}
            filled[key] = _filled(part if isinstance(part, dict) else {}, known)
            if "model_type" in known:
                filled[key].setdefault("model_type", known["model_type"])
        elif key not in config and key in made.get(_TAKEN, ()):
            filled[key] = _unmarked(value)
    return filled


@dataclass(frozen=True, slots=True)
class _Found:
    source: ModuleText
    node: ast.ClassDef


@dataclass(slots=True)
class _Classes:
    """The config classes of a repo."""

    modules: Mapping[str, str]
    model_type_of: Callable[[str], str]
    _budget: Budget = field(default_factory=Budget)
    _parsed: dict[str, ModuleText] = field(default_factory=dict)

    def find(self, module: str, name: str) -> _Found | None:
        """Find a class, through the repo's own imports."""
        if module not in self.modules or not is_module_name(module):
            return None
        if module not in self._parsed:
            self._parsed[module] = ModuleText(module, self.modules[module])
        source = self._parsed[module]
        for unit in source.bindings.get(name, ()):
            for node in unit.nodes:
                if isinstance(node, ast.ClassDef) and node.name == name:
                    return _Found(source, node)
        for item in source.imports.get(name, ()):
            if item.level and (moved := self.find(source.resolve(item), item.name)):
                return moved
        return None

    def lineage(self, found: _Found) -> list[_Found]:
        """Give a class and those of its bases that are the repo's, nearest first."""
        chain = [found]
        for item in chain:
            for base in item.node.bases:
                own = self.find(item.source.name, base.id) if isinstance(base, ast.Name) else None
                if own is not None and all(own.node is not known.node for known in chain):
                    chain.append(own)
        return chain

    def base_of(self, found: _Found) -> str:
        """Name the first base that is not the repo's."""
        last = self.lineage(found)[-1]
        return next((ast.unparse(base).rpartition(".")[2] for base in last.node.bases), "")

    def own_parts(self, found: _Found, made: Mapping[str, Any]) -> dict[str, _Found]:
        """Find the classes of a config's parts that are the repo's own, by key."""
        owned = {
            key: self.find(found.source.name, str(value[MADE_AS]))
            for key, value in made.items()
            if isinstance(value, dict) and MADE_AS in value
        }
        return {key: part for key, part in owned.items() if part is not None}

    def text_of(self, found: _Found) -> str:
        """Name the attribute that `get_text_config` gives."""
        _, method = self._method(found, "get_text_config")
        for node in ast.walk(method) if method else ():
            match node:
                case ast.Return(value=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                    return name
        return ""

    def make(self, found: _Found, given: dict[str, Any]) -> dict[str, Any]:
        """Give the attributes of a config that is made of keyword arguments."""
        attributes: dict[str, Any] = {MADE_AS: found.node.name, _TAKEN: self._taken(found)}
        for item in reversed(self.lineage(found)):
            attributes |= self._settings(item, given)
        maker = next((name for name in _NEW if self._method(found, name)[1]), "")
        if maker:
            self._run(found, maker, [], given, attributes)
        else:
            attributes |= given
        return attributes

    def _taken(self, found: _Found) -> list[str]:
        """Name what a class and its bases take by name."""
        names: list[str] = []
        for node in (node for item in self.lineage(found) for node in item.node.body):
            match node:
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                    names.append(name)
                case ast.FunctionDef(name="__init__" | "__post_init__", args=arguments):
                    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
                    names += [argument.arg for argument in every[1:]]
        return names

    def _settings(self, found: _Found, given: Mapping[str, Any]) -> dict[str, Any]:
        """What the class body sets: its model type, and fields with their defaults."""
        scope, settings = Scope({}, {}), {}
        reader = self._reader(found)
        for node in found.node.body:
            match node:
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
                    settings[name] = given.get(name, reader.value(node.value, scope))
                case ast.Assign(targets=[ast.Name(id="model_type")]):
                    settings["model_type"] = reader.value(node.value, scope)
        return settings

    def _method(self, found: _Found, name: str) -> tuple[_Found, ast.FunctionDef | None]:
        for item in self.lineage(found):
            for node in item.node.body:
                if isinstance(node, ast.FunctionDef) and node.name == name:
                    return item, node
        return found, None

    def _run(
        self,
        found: _Found,
        name: str,
        arguments: list[Any],
        named: dict[str, Any],
        attributes: dict[str, Any],
    ) -> Any:
        """Follow a method of a class, or a function beside it."""
        holder, function = self._method(found, name)
        if function is None:
            return UNKNOWN
        static = any(isinstance(item, ast.Name) for item in function.decorator_list)
        reader = self._reader(holder)
        is_static = static and ast.unparse(function.decorator_list[0]) == "staticmethod"
        names = _bound(function, arguments, named, reader, skip=0 if is_static else 1)
        return reader.run(function, Scope(names, attributes))

    def _reader(self, found: _Found) -> Reader:
        def call(name: str, arguments: list[Any], named: dict[str, Any], scope: Scope) -> Any:
            return self._answer(found, name, arguments, named, scope)

        reader = Reader(call, self._budget)
        constants: dict[str, Any] = {}
        for unit in found.source.units:
            match unit.node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    constants[name] = reader.value(value, Scope(dict(constants), {}))
        reader.globals = {name: value for name, value in constants.items() if value is not UNKNOWN}
        return reader

    def _answer(
        self, found: _Found, name: str, arguments: list[Any], named: dict[str, Any], scope: Scope
    ) -> Any:
        """Answer a call of something that has a name."""
        if name in ("super.__init__", "super.__post_init__"):
            return self._above(found, name.removeprefix("super."), arguments, named, scope)
        if name.startswith("self."):
            return self._run(found, name[5:], arguments, named, scope.attributes)
        if name == "setattr" and len(arguments) == 3 and isinstance(arguments[1], str):
            scope.attributes[arguments[1]] = arguments[2]
            return None
        if name in _MAKERS:
            kind = arguments[0] if arguments else named.get("model_type", "")
            return _outside(name, named, kind) if isinstance(kind, str) else UNKNOWN
        return self._made(found, name, arguments, named)

    def _above(
        self, found: _Found, method: str, arguments: list[Any], named: dict[str, Any], scope: Scope
    ) -> None:
        """Go on in the base: the repo's own, or transformers', which sets all that it is given."""
        for item in self.lineage(found)[1:]:
            if self._method(item, method)[1] is not None:
                self._run(item, method, arguments, named, scope.attributes)
                return
        scope.attributes.update(named)

    def _made(self, found: _Found, name: str, arguments: list[Any], named: dict[str, Any]) -> Any:
        """Make a config of a class that is called by its name."""
        name = name.removesuffix(".from_dict")
        if len(arguments) == 1 and isinstance(arguments[0], dict):
            named, arguments = {**arguments[0], **named}, []
        named = {key: value for key, value in named.items() if key not in (MADE_AS, _TAKEN)}
        own = self.find(found.source.name, name)
        if own is not None:
            return self.make(own, named)
        class_name = self._original(found, name.rpartition(".")[2])
        model_type = self.model_type_of(class_name)
        if not model_type and not class_name.endswith("Config"):
            return UNKNOWN
        return _outside(class_name, named, model_type)

    def _original(self, found: _Found, name: str) -> str:
        """Name what an import calls otherwise."""
        items: list[Import] = found.source.imports.get(name, [])
        return next((item.name for item in items if item.name), name)


def _outside(class_name: str, named: Mapping[str, Any], model_type: str) -> dict[str, Any]:
    """Make a config of another package's class: what it is given, and its type."""
    given = {key: value for key, value in named.items() if key not in (MADE_AS, _TAKEN)}
    told = {"model_type": model_type} if model_type else {}
    return {**given, **told, MADE_AS: class_name, _TAKEN: list(given)}


def _bound(
    function: ast.FunctionDef,
    arguments: list[Any],
    named: dict[str, Any],
    reader: Reader,
    *,
    skip: int,
) -> dict[str, Any]:
    """Bind arguments to parameters, with the defaults of those that are not given."""
    parameters = [*function.args.posonlyargs, *function.args.args]
    defaults = [None] * (len(parameters) - len(function.args.defaults)) + list(
        function.args.defaults
    )
    pairs = list(zip(parameters, defaults, strict=True))[skip:]
    pairs += list(zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True))
    empty = Scope({}, {})
    names = {
        parameter.arg: UNKNOWN if default is None else reader.value(default, empty)
        for parameter, default in pairs
    }
    names |= dict(zip((parameter.arg for parameter, _ in pairs), arguments, strict=False))
    names |= {key: value for key, value in named.items() if key in names}
    if function.args.kwarg is not None:
        rest = {key: value for key, value in named.items() if key not in names}
        names[function.args.kwarg.arg] = rest
    return names


def _is_told(value: Any) -> bool:
    """Tell whether a value is known in all its parts; of a part, some may be left open.

    What is larger than any config is not told: lists of lists of lists grow fast.
    """
    left, seen = [(value, False)], 0
    while left:
        item, in_part = left.pop()
        seen += 1
        if isinstance(item, dict):
            left += [(one, in_part or MADE_AS in item) for one in item.values()]
        elif isinstance(item, list | tuple):
            left += [(one, in_part) for one in item]
        elif not (in_part or item is None or isinstance(item, str | int | float)):
            return False
        if seen > _MOST:
            return False
    return True


def _unmarked(value: Any) -> Any:
    """Give plain values as JSON has them, without what is not told of a part."""
    if isinstance(value, dict):
        marks = (MADE_AS, _TAKEN)
        return {
            key: _unmarked(item)
            for key, item in value.items()
            if key not in marks and _is_told(item)
        }
    if isinstance(value, list | tuple):
        return [_unmarked(item) for item in value]
    return value
