"""`[tool.mmport]` of the nearest pyproject.toml: what a project asks of `check`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from pathspec import GitIgnoreSpec

from mmport.core.errors import Usage
from mmport.core.jsonable import from_builtins
from mmport.core.names import nearest
from mmport.gate.paths import absolute, below
from mmport.gate.registry import rule_named
from mmport.gate.rules import SYNTAX
from mmport.model.finding import Finding, Severity
from mmport.vllm_api.catalog import available, resolve_target

PYPROJECT = "pyproject.toml"
TABLE = "tool.mmport"

T = TypeVar("T")


class Level(StrEnum):
    """How much a project lets a rule weigh."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    OFF = "off"


@dataclass(frozen=True)
class Config:
    """What a project says about its checks; `root` is what globs are relative to.

    `select` is None where every rule is wanted, `targets` empty where a port's own
    target or the default one counts. Globs are those of a .gitignore.
    """

    root: Path
    targets: tuple[str, ...] = ()
    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()
    severity: Mapping[str, Level] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    per_file_ignores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def excludes(self, path: Path) -> bool:
        """Tell whether a file, or a folder with all that is in it, is left out."""
        name = self._name(path)
        return name is not None and self._excluded.match_file(name)

    def judge(self, finding: Finding) -> Finding | None:
        """Give a finding the weight that it has here; None where it's not wanted."""
        level = self.severity.get(finding.rule)
        if level is Level.OFF or not self._wants(finding):
            return None
        return finding if level is None else replace(finding, severity=Severity(level.value))

    def _wants(self, finding: Finding) -> bool:
        rule = finding.rule
        # A file that can't be read wasn't checked for what was selected either.
        unselected = self.select is not None and rule not in {*self.select, SYNTAX.name}
        if unselected or rule in self.ignore:
            return False
        name = self._name(Path(finding.file))
        return name is None or not any(
            rule in names and spec.match_file(name) for spec, names in self._ignored_in
        )

    @cached_property
    def _excluded(self) -> GitIgnoreSpec:
        return GitIgnoreSpec.from_lines(self.exclude)

    @cached_property
    def _ignored_in(self) -> tuple[tuple[GitIgnoreSpec, tuple[str, ...]], ...]:
        items = self.per_file_ignores.items()
        return tuple((GitIgnoreSpec.from_lines([glob]), names) for glob, names in items)

    def _name(self, path: Path) -> str | None:
        """Name a path from the root on, a folder with a slash; None outside and for the root."""
        name = below(path, self.root)
        return None if name in (None, ".") else name + ("/" if path.is_dir() else "")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says in place of the configuration; None: nothing."""

    targets: tuple[str, ...] | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None

    def over(self, config: Config) -> Config:
        """Put them over what a project says.

        Raises:
            Usage: there is no such release or rule.
        """
        if self.targets is not None:
            targets = tuple(dict.fromkeys(resolve_target(text).version for text in self.targets))
            config = replace(config, targets=targets)
        if self.select is not None:
            config = replace(config, select=_rules(self.select, "--select"))
        if self.ignore is not None:
            config = replace(config, ignore=_rules(self.ignore, "--ignore"))
        return config


class Configs:
    """The configuration of any file: that of the nearest pyproject.toml which has the table."""

    def __init__(self, overrides: Overrides) -> None:
        self._overrides = overrides
        self._known: dict[Path, Config] = {}
        self._bare = overrides.over(Config(Path.cwd()))

    def of(self, path: Path) -> Config:
        """Give the configuration of a file or folder, as it is named and not where links lead.

        Raises:
            Usage: a pyproject.toml on the way up is damaged, or says what can't be.
        """
        whole = absolute(path)
        return self._in(whole if whole.is_dir() else whole.parent)

    def excludes(self, path: Path) -> bool:
        """Tell whether a path is left out by its configuration."""
        # What a folder's own file says about the folder can't leave out the folder.
        return self._in(absolute(path).parent).excludes(path)

    def _in(self, folder: Path) -> Config:
        if folder not in self._known:
            found = load(folder / PYPROJECT)
            if found is not None:
                self._known[folder] = self._overrides.over(found)
            elif folder.parent == folder:
                self._known[folder] = self._bare
            else:
                self._known[folder] = self._in(folder.parent)
        return self._known[folder]


def load(file: Path) -> Config | None:
    """Read the table of a pyproject.toml; None where there is no such file or table.

    Raises:
        Usage: the file is damaged, or the table says what can't be.
    """
    try:
        content = tomllib.loads(file.read_bytes().decode())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Usage(f"{file} cannot be read: {error}", "mend the file") from error
    tool = content.get("tool", {})
    if not isinstance(tool, dict) or "mmport" not in tool:
        return None
    return _Table(file).config(tool["mmport"])


@dataclass(frozen=True, slots=True)
class _Table:
    """The table of one file, as errors about it name it."""

    file: Path

    def config(self, content: object) -> Config:
        top = self._keys(content, TABLE, ("target-vllm", "check"))
        keys = ("select", "ignore", "severity", "exclude", "per-file-ignores")
        check = self._keys(top.get("check", {}), f"{TABLE}.check", keys)

        def read(name: str, kind: type[T], otherwise: T) -> T:
            where = f"{TABLE}.check.{name}"
            return self._value(check[name], where, kind) if name in check else otherwise

        select = read("select", list[str], [])
        in_files = read("per-file-ignores", dict[str, list[str]], {})
        return Config(
            root=self.file.parent,
            targets=self._targets(top),
            select=self._rules(select, "select") if "select" in check else None,
            ignore=self._rules(read("ignore", list[str], []), "ignore"),
            severity=self._severity(read("severity", dict[str, str], {})),
            exclude=self._globs(read("exclude", list[str], []), "exclude"),
            per_file_ignores={
                glob: tuple(self._rules(names, f"per-file-ignores.{glob}"))
                for glob, names in zip(
                    self._globs(in_files, "per-file-ignores"), in_files.values(), strict=True
                )
            },
        )

    def _keys(self, content: object, where: str, known: Sequence[str]) -> dict[str, Any]:
        table = self._value(content, where, dict[str, Any])
        for key in table:
            if key not in known:
                message = f"{self.file}: {where} has no key {key!r}"
                raise Usage(message, nearest(key, known, "its keys are"))
        return table

    def _value(self, value: object, where: str, kind: type[T]) -> T:
        try:
            return from_builtins(value, kind)
        except msgspec.ValidationError as error:
            raise Usage(
                f"{self.file}: {where}: {error}", "the README shows every key with a value"
            ) from error

    def _targets(self, top: Mapping[str, Any]) -> tuple[str, ...]:
        where = f"{TABLE}.target-vllm"
        found: dict[str, None] = {}
        for text in self._value(top.get("target-vllm", []), where, list[str]):
            try:
                found[resolve_target(text).version] = None
            except Usage as error:
                hint = nearest(text, available(), "the releases are")
                raise Usage(f"{self.file}: {where}: {error.what}", hint) from error
        return tuple(found)

    def _rules(self, names: Iterable[str], key: str) -> frozenset[str]:
        return _rules(names, f"{self.file}: {TABLE}.check.{key}")

    def _severity(self, table: Mapping[str, str]) -> dict[str, Level]:
        where = f"{self.file}: {TABLE}.check.severity"
        return {
            rule_named(name, where).name: _level(value, f"{where}.{name}")
            for name, value in table.items()
        }

    def _globs(self, globs: Iterable[str], key: str) -> tuple[str, ...]:
        where = f"{self.file}: {TABLE}.check.{key}"
        return tuple(_checked_glob(glob, where) for glob in globs)


def _rules(names: Iterable[str], where: str) -> frozenset[str]:
    return frozenset(rule_named(name, where).name for name in names)


def _level(value: str, where: str) -> Level:
    try:
        return Level(value)
    except ValueError:
        hint = nearest(value, list(Level), "the severities are")
        raise Usage(f"{where}: there is no severity {value!r}", hint) from None


def _checked_glob(glob: str, where: str) -> str:
    try:
        GitIgnoreSpec.from_lines([glob])
    except ValueError as error:
        hint = "globs are those of a .gitignore"
        raise Usage(f"{where}: {glob!r} is no glob: {error}", hint) from error
    return glob
