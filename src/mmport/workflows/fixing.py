"""`mmport check --fix`: mends what safe codemods can, for all releases of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmport.codemods.migrate.changes import CODEMODS, moved_imports
from mmport.codemods.migrate.codemod import Codemod
from mmport.codemods.migrate.reading import Reading
from mmport.codemods.migrate.run import Applied, migrate_text
from mmport.gate.api.check import check_source
from mmport.gate.api.origin import origin_of
from mmport.gate.checking import look
from mmport.gate.config import Config, Configs, Overrides
from mmport.gate.reading import decoded, read_python, with_line_feeds
from mmport.gate.registry import RULES, SOURCE_CHECKS
from mmport.gate.sources import collect
from mmport.model.finding import Finding, Severity
from mmport.usage.module_name import module_name
from mmport.usage.parsing import parsed
from mmport.vllm_api.catalog import DEFAULT_VERSION
from mmport.vllm_api.store import places
from mmport.vllm_api.surface.modules import PACKAGE
from mmport.vllm_api.surface.stubs import ModuleName
from mmport.workflows.migrating import is_foreign, write_migrated

Complaint = tuple[str, str, str]
"""A release, a rule and what it says; not where, as mending moves lines."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A file that was mended, and by what."""

    file: str
    applied: tuple[Applied, ...]


def fix_paths(paths: Sequence[Path], overrides: Overrides) -> tuple[Fixed, ...]:
    """Mend what is wrong with Python files, and write them; ports are left as they are.

    A file is only changed by codemods that no person has to look at, and only if no
    release that it is for has something new to say against it.

    Raises:
        Usage: a path or a configuration asks for what can't be.
        TargetUnwritable: a file cannot be written.
    """
    configs = Configs(overrides)
    found = []
    for path in collect(paths, configs.excludes).files:
        fixed = fix_file(path, configs.of(path))
        if fixed is not None:
            found.append(fixed)
    return tuple(found)


def fix_file(path: Path, config: Config) -> Fixed | None:
    """Mend one file, if there is something to mend that can be.

    What the configuration or a comment lets pass is no reason to.

    Raises:
        TargetUnwritable: the file cannot be written.
    """
    checked = read_python(path)
    if isinstance(checked, Finding) or PACKAGE not in checked:
        return None
    targets = config.targets or (DEFAULT_VERSION,)
    encoding, text = decoded(path.read_bytes())
    try:
        mended = _Mending(path, targets, text)
        for target in _failing(path, targets, config):
            mended.mend(target)
    except RecursionError:
        return None  # which `check` tells
    if mended.text == text:
        return None
    write_migrated(path, mended.text, encoding)
    return Fixed(str(path), tuple(dict.fromkeys(mended.applied)))


def _failing(path: Path, targets: tuple[str, ...], config: Config) -> list[str]:
    """List the releases on which `check` finds errors in a file, the newest first."""
    looked = look(path, targets, SOURCE_CHECKS, RULES)
    judged = (config.judge(one) for one in looked.findings)
    told = {
        release
        for one in judged
        if one is not None and one.severity is Severity.ERROR
        for release in one.target.split(", ")
    }
    return sorted(told & set(targets), key=lambda one: places()[one], reverse=True)


class _Mending:
    """A file's text on its way, better for each of its releases or as it was."""

    def __init__(self, path: Path, targets: tuple[str, ...], text: str) -> None:
        self.text = text
        self.applied: list[Applied] = []
        self._path = path
        self._targets = targets
        self._wrong = self._complaints(text)

    def mend(self, target: str) -> None:
        """Mend for one release what does no harm on the others."""
        origin = origin_of(self.text, self._module(), target).version
        safe = tuple(one for one in CODEMODS if one.risk == "safe")
        # Together first: some are right only beside others. Then what can be had singly;
        # but a name is not gone for good before it has been looked for elsewhere.
        if not self._try(origin, target, safe):
            for codemod in (*(one for one in safe if one.since), moved_imports.CODEMOD):
                self._try(origin, target, (codemod,))

    def _try(self, origin: str, target: str, codemods: tuple[Codemod, ...]) -> bool:
        foreign = is_foreign(self._path)
        reading = Reading(self.text, self._module(), origin, target, foreign)
        done = migrate_text(reading, codemods)
        if done.text == self.text:
            return False
        wrong = self._complaints(done.text)
        if not wrong < self._wrong:
            return False
        self.text, self._wrong = done.text, wrong
        self.applied += done.applied
        return True

    def _module(self) -> ModuleName:
        return module_name(self._path, parsed(self.text))

    def _complaints(self, text: str) -> frozenset[Complaint]:
        return frozenset(self._told(text))

    def _told(self, text: str) -> Iterator[Complaint]:
        shown = with_line_feeds(text)
        for one in check_source(self._path, shown, self._targets):
            if one.severity is Severity.ERROR:
                yield one.target, one.rule, one.message
