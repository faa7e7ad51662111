"""Checks whatever paths stand for: ports, and what Python files ask of vLLM."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmport.core.errors import PortUnreadable
from mmport.gate import registry
from mmport.gate.check import check_port
from mmport.gate.config import Config, Configs, Overrides
from mmport.gate.reading import read_python, too_deep
from mmport.gate.registry import SourceCheck
from mmport.gate.rule import Rule
from mmport.gate.rules import SYNTAX
from mmport.gate.sources import collect
from mmport.gate.suppression import ignores_of, silence
from mmport.generation.lock import proven_paths, read_lock
from mmport.model.finding import Finding, Severity
from mmport.vllm_api.catalog import DEFAULT_VERSION


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked, and what was found; `silenced` counts what comments took out."""

    findings: tuple[Finding, ...]
    ports: int
    files: int
    silenced: int = 0

    def count(self, severity: Severity) -> int:
        """Count the findings of a severity."""
        return sum(finding.severity is severity for finding in self.findings)

    def fails(self, *, strict: bool) -> bool:
        """Tell whether something stands in the way; a warning does where one is strict."""
        errors, warnings = self.count(Severity.ERROR), self.count(Severity.WARNING)
        return bool(errors or (strict and warnings))


def check_paths(
    paths: Sequence[Path],
    overrides: Overrides | None = None,
    *,
    checks: Sequence[SourceCheck] | None = None,
    known: Mapping[str, Rule] | None = None,
) -> Checked:
    """Check ports and Python files, each once; nothing is written.

    Args:
        paths: ports, Python files, and folders that hold some.
        overrides: what counts in place of the configuration.
        checks: what looks at Python files; those of the registry, if not given.
        known: the rules that comments may name; those of the registry, if not given.

    Raises:
        Usage: a path or a configuration asks for what can't be.
    """
    run = _Run(
        Configs(overrides or Overrides()),
        registry.SOURCE_CHECKS if checks is None else checks,
        registry.RULES if known is None else known,
    )
    return run.check(paths)


class _Run:
    """One run over many files."""

    def __init__(
        self, configs: Configs, checks: Sequence[SourceCheck], known: Mapping[str, Rule]
    ) -> None:
        self._configs = configs
        self._checks = checks
        self._known = known
        self._seen: set[str] = set()
        self._findings: list[Finding] = []
        self._silenced = 0

    def check(self, paths: Sequence[Path]) -> Checked:
        sources = collect(paths, self._configs.excludes)
        for folder, reason in sources.unreadable:
            unread = SYNTAX.finding(f"cannot be listed: {reason}", file=str(folder))
            self._take([unread], self._configs.of(folder))
        for folder in sources.ports:
            self._port(folder)
        files = [path for path in sources.files if os.path.realpath(path) not in self._seen]
        for path in files:
            config = self._configs.of(path)
            self._file(path, config, config.targets or (DEFAULT_VERSION,))
        return Checked(tuple(self._findings), len(sources.ports), len(files), self._silenced)

    def _port(self, folder: Path) -> None:
        """Check a port, and what its modules ask of the releases that it is for."""
        config = self._configs.of(folder)
        self._take(check_port(folder), config)
        try:
            lock = read_lock(folder)
        except PortUnreadable:
            return  # which `check_port` has told
        for name in proven_paths(folder, lock):
            path = folder / name
            self._seen.add(os.path.realpath(path))
            self._file(path, config, config.targets or (lock.plan.target,), in_port=True)

    def _file(
        self, path: Path, config: Config, targets: tuple[str, ...], *, in_port: bool = False
    ) -> None:
        text = read_python(path)
        if isinstance(text, Finding):
            # A port's files were read before, and told of as part of the port.
            self._take(() if in_port else [text], config)
            return
        try:
            found = [item for check in self._checks for item in check(path, text, targets)]
        except RecursionError:
            found = [too_deep(path)]
        found.sort(key=lambda item: (item.line, item.column, item.rule, item.target))
        kept, silenced = silence(found, ignores_of(text), str(path), self._known)
        self._silenced += silenced
        self._take(kept, config)

    def _take(self, findings: Iterable[Finding], config: Config) -> None:
        self._findings.extend(_judged(findings, config))


def _judged(findings: Iterable[Finding], config: Config) -> Iterator[Finding]:
    for finding in findings:
        judged = config.judge(finding)
        if judged is not None:
            file, message = _writable(judged.file), _writable(judged.message)
            yield replace(judged, file=file, message=message)


def _writable(text: str) -> str:
    """Spell out what can't be written: the bytes of a file's name need not be text."""
    return text.encode(errors="backslashreplace").decode()
