"""Draws `planning/data/transformers_4.json`: which classes of transformers 4 make features.

    python -m tools.era_engines.transformers_4 4.52=FOLDER 4.57=FOLDER …   (oldest first)

A folder is that of an unpacked release's package `transformers`.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

_METHODS = ("get_image_features", "get_video_features", "get_audio_features", "get_rope_index")
_OUT = Path(__file__).parents[2] / "src/mmport/planning/data/transformers_4.json"


def drawn(releases: list[tuple[str, Path]]) -> dict[str, dict[str, str]]:
    """Give each class with its methods, each since the first of the releases that has it."""
    found: dict[str, dict[str, str]] = {}
    for release, folder in releases:
        for name, method in _classes(folder):
            found.setdefault(name, {}).setdefault(method, release)
    return {name: found[name] for name in sorted(found)}


def _classes(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob("models/*/modeling_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.FunctionDef) and part.name in _METHODS:
                        yield node.name, part.name


def main(arguments: list[str]) -> None:
    """Write the file."""
    pairs = [argument.partition("=") for argument in arguments]
    table = drawn([(release, Path(folder)) for release, _, folder in pairs])
    _OUT.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
