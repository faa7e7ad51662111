"""How generated Python is laid out and linted: ruff, with a port's own settings."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmport.core.errors import MmportError
from mmport.templates.filters import identifier

LINE_LENGTH = 88
PYTHON = "3.11"
RULES = ("B", "E", "F", "G", "I", "SIM", "UP", "W")


@dataclass(frozen=True, slots=True)
class LintError:
    """One thing that ruff has to say; `line` is 1-based."""

    file: Path
    line: int
    code: str
    message: str


def target_version(python: str) -> str:
    """Name a release of Python as ruff does."""
    return f"py{python.replace('.', '')}"


def format_python(text: str, *, first_party: str, python: str = PYTHON, prune: bool = False) -> str:
    """Sort the imports of a module and lay it out.

    Args:
        text: the module's source.
        first_party: the package whose imports go last.
        python: the oldest Python that it is for.
        prune: imports that nothing uses are taken out.

    Raises:
        MmportError: the text is no Python, or `first_party` no name.
    """
    settings = _settings(first_party, python)
    mended = "--select=I,F401" if prune else "--select=I"
    ordered = _ruff(["check", *settings, mended, "--fix", "--exit-zero", "-"], text)
    return _ruff(["format", *settings, "-"], ordered)


def lint_python(
    files: Sequence[Path], *, first_party: str, python: str = PYTHON
) -> tuple[LintError, ...]:
    """Lint files on disk with the rules of a port.

    Raises:
        MmportError: ruff itself failed, or `first_party` is no name.
    """
    if not files:
        return ()
    arguments = [
        "check",
        *_settings(first_party, python),
        "--output-format=json",
        "--exit-zero",
        "--",
    ]
    report: list[dict[str, Any]] = json.loads(_ruff([*arguments, *map(str, files)]))
    return tuple(
        LintError(
            file=Path(item["filename"]),
            line=item["location"]["row"],
            code=item["code"] or "syntax",
            message=item["message"],
        )
        for item in report
    )


def _settings(first_party: str, python: str) -> list[str]:
    rules = ", ".join(f'"{rule}"' for rule in RULES)
    # No `src`: which folders lie beside a file must not change how it is sorted.
    values = (
        f"line-length = {LINE_LENGTH}",
        f'target-version = "{target_version(python)}"',
        "src = []",
        f"lint.select = [{rules}]",
        f'lint.isort.known-first-party = ["{identifier(first_party)}"]',
    )
    return ["--isolated", "--no-cache", "--quiet", *(f"--config={value}" for value in values)]


def _ruff(arguments: list[str], text: str | None = None) -> str:
    from ruff import find_ruff_bin  # type: ignore[import-untyped]

    done = subprocess.run(  # noqa: S603 - our own binary, no shell
        [find_ruff_bin(), *arguments],
        input=text,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise MmportError(
            f"ruff failed on generated code: {done.stderr.strip() or done.returncode}",
            "this is a fault of mmport: report it with the model's config.json",
        )
    return done.stdout
