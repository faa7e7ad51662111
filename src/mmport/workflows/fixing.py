"""`check --fix`: what safe codemods mend of files that `check` finds fault with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmport.codemods.migrate.reading import Reading
from mmport.codemods.migrate.run import Applied, Migrated, migrate_text
from mmport.core.parsing import parsed
from mmport.gate.api.check import check_source
from mmport.gate.api.origin import origin_of
from mmport.gate.checking import look
from mmport.gate.config import Config, Configs, Overrides
from mmport.gate.reading import decoded, read_python
from mmport.gate.registry import RULES, SOURCE_CHECKS
from mmport.gate.rule import Group
from mmport.gate.sources import collect
from mmport.model.finding import Finding
from mmport.usage.module_name import module_name
from mmport.vllm_api import store
from mmport.vllm_api.catalog import DEFAULT_VERSION
from mmport.vllm_api.surface.modules import PACKAGE
from mmport.workflows.migrating import write_migrated

_Found = Counter[tuple[str, str, str]]
"""Findings by rule, message and release, wherever they stand: a mended file has other lines."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A file that was mended, and by what."""

    file: str
    applied: tuple[Applied, ...]


def fix_paths(paths: Sequence[Path], overrides: Overrides) -> tuple[Fixed, ...]:
    """Mend Python files where that breaks nothing on any release that they are checked for.

    Ports are left alone: their files are proven as they are.

    Raises:
        Usage: a path or a configuration asks for what can't be.
        TargetUnwritable: a file cannot be written.
    """
    configs = Configs(overrides)
    files = collect(paths, configs.excludes).files
    done = (_fixed(path, configs.of(path)) for path in files)
    return tuple(one for one in done if one is not None)


def _fixed(path: Path, config: Config) -> Fixed | None:
    targets = config.targets or (DEFAULT_VERSION,)
    plain = read_python(path)
    if isinstance(plain, Finding) or PACKAGE not in plain or not _at_fault(path, targets, config):
        return None
    encoding, text = decoded(path.read_bytes())
    try:
        mended = _mended(path, text, targets)
    except RecursionError:
        return None  # which `check` tells
    if mended is None:
        return None
    write_migrated(path, mended.text, encoding)
    return Fixed(str(path), mended.applied)


def _at_fault(path: Path, targets: tuple[str, ...], config: Config) -> bool:
    """Tell whether something is found that neither a comment nor the configuration lets pass."""
    found = look(path, targets, SOURCE_CHECKS, RULES).findings
    return any(RULES[one.rule].group is Group.API and config.judge(one) for one in found)


def _mended(path: Path, text: str, targets: tuple[str, ...]) -> Migrated | None:
    """Give what takes findings away and brings none, for the newest release that allows it."""
    before = _found(path, text, targets)
    for done in _candidates(path, text, targets):
        if done.text != text:
            after = _found(path, done.text, targets)
            if after < before:
                return done
    return None


def _candidates(path: Path, text: str, targets: tuple[str, ...]) -> Iterator[Migrated]:
    tree = parsed(text)
    module = module_name(path, tree)
    foreign = PACKAGE not in path.resolve().parts[:-1]
    for target in sorted(targets, key=store.places().__getitem__, reverse=True):
        origin = origin_of(parsed(text), module, target).version
        yield migrate_text(Reading(text, module, origin, target, foreign), only_safe=True)


def _found(path: Path, text: str, targets: tuple[str, ...]) -> _Found:
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    found = check_source(path, plain, targets)
    return Counter((one.rule, one.message, one.target) for one in found)
