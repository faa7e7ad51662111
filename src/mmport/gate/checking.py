"""Checks whatever paths stand for: ports, and what Python files ask of vLLM."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
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


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found in one file, and how much its comments silenced."""

    findings: tuple[Finding, ...]
    silenced: int = 0
    is_python: bool = True


_CHUNK = 8
"""Files that a process is given at once."""


def check_paths(
    paths: Sequence[Path],
    overrides: Overrides | None = None,
    *,
    checks: Sequence[SourceCheck] | None = None,
    known: Mapping[str, Rule] | None = None,
    jobs: int = 1,
) -> Checked:
    """Check ports and Python files, each once; nothing is written.

    Args:
        paths: ports, Python files, and folders that hold some.
        overrides: what counts in place of the configuration.
        checks: what looks at Python files; those of the registry, if not given.
        known: the rules that comments may name; those of the registry, if not given.
        jobs: how many processes look at files, those of ports aside; with more than
            one, `checks` and `known` are the registry's.

    Raises:
        Usage: a path or a configuration asks for what can't be.
    """
    run = _Run(
        Configs(overrides or Overrides()),
        registry.SOURCE_CHECKS if checks is None else checks,
        registry.RULES if known is None else known,
        jobs,
    )
    return run.check(paths)


class _Run:
    """One run over many files."""

    def __init__(
        self,
        configs: Configs,
        checks: Sequence[SourceCheck],
        known: Mapping[str, Rule],
        jobs: int,
    ) -> None:
        self._configs = configs
        self._checks = checks
        self._known = known
        self._jobs = jobs
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
        asked = [(path, self._configs.of(path).targets or (DEFAULT_VERSION,)) for path in files]
        for (path, _), looked in zip(asked, self._looked(asked), strict=True):
            self._found(looked, self._configs.of(path))
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
            looked = look(path, config.targets or (lock.plan.target,), self._checks, self._known)
            # A port's files were read before, and told of as part of the port.
            if looked.is_python:
                self._found(looked, config)

    def _looked(self, asked: Sequence[tuple[Path, tuple[str, ...]]]) -> Iterator[Looked]:
        if self._jobs > 1 and len(asked) > 1:
            with ProcessPoolExecutor(self._jobs) as pool:
                yield from pool.map(_look_by_registry, asked, chunksize=_CHUNK)
        else:
            for path, targets in asked:
                yield look(path, targets, self._checks, self._known)

    def _found(self, looked: Looked, config: Config) -> None:
        self._silenced += looked.silenced
        self._take(looked.findings, config)

    def _take(self, findings: Iterable[Finding], config: Config) -> None:
        self._findings.extend(_judged(findings, config))


def _over_releases(findings: Iterable[Finding]) -> list[Finding]:
    """Make one finding of what is the same on several releases, and name them in it."""
    releases: dict[Finding, dict[str, None]] = {}
    for finding in findings:
        releases.setdefault(replace(finding, target=""), {})[finding.target] = None
    return [replace(found, target=", ".join(names)) for found, names in releases.items()]


def look(
    path: Path,
    targets: tuple[str, ...],
    checks: Sequence[SourceCheck],
    known: Mapping[str, Rule],
) -> Looked:
    """Find what there is to say of one file, less what its comments silence."""
    text = read_python(path)
    if isinstance(text, Finding):
        return Looked((text,), is_python=False)
    try:
        found = [item for check in checks for item in check(path, text, targets)]
    except RecursionError:
        found = [too_deep(path)]
    kept, silenced = silence(_over_releases(found), ignores_of(text), str(path), known)
    return Looked(tuple(sorted(kept, key=lambda one: (one.line, one.column, one.rule))), silenced)


def _look_by_registry(asked: tuple[Path, tuple[str, ...]]) -> Looked:
    return look(*asked, registry.SOURCE_CHECKS, registry.RULES)


def _judged(findings: Iterable[Finding], config: Config) -> Iterator[Finding]:
    for finding in findings:
        judged = config.judge(finding)
        if judged is not None:
            file, message = _writable(judged.file), _writable(judged.message)
            yield replace(judged, file=file, message=message)


def _writable(text: str) -> str:
    """Spell out what can't be written: the bytes of a file's name need not be text."""
    return text.encode(errors="backslashreplace").decode()
