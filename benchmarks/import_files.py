"""Imports model files into an engine, each in a process of its own.

    ENGINE_PYTHON benchmarks/import_files.py FILE...

Prints one JSON object: for each file the `error` that its import ends with, or null, and
the methods of its classes that no base of the class has (`own`: class, then names). A file
is imported as the sibling of vLLM's own models that it was written as, so that relative
imports mean what they meant.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

MODELS = "vllm.model_executor.models"


def outcome(file: Path) -> dict[str, Any]:
    """Import a file in a forked process; tell how that ends."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as stream:
            json.dump(attempt(file), stream)
            stream.flush()
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"error": "the process died", "own": {}}


def attempt(file: Path) -> dict[str, Any]:
    """Import a file as a module of vLLM's models."""
    name = f"{MODELS}.{file.stem}"
    sys.modules.pop(name, None)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300], "own": {}}
    return {"error": None, "own": own_methods(module)}


def own_methods(module: ModuleType) -> dict[str, list[str]]:
    """Give what the classes of a module define and no base of theirs has."""
    return {
        name: [
            member
            for member in vars(kind)
            if not member.startswith("__")
            and callable(getattr(kind, member, None))
            and not any(member in vars(base) for base in kind.__mro__[1:])
        ]
        for name, kind in vars(module).items()
        if isinstance(kind, type) and kind.__module__ == module.__name__
    }


def main() -> None:
    """Import all the files that are named."""
    importlib.import_module(f"{MODELS}.llava")
    importlib.import_module(f"{MODELS}.qwen2_5_vl")
    files = [Path(name) for name in sys.argv[1:]]
    # What vLLM says while it loads must not get into the result.
    result = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    json.dump({str(file): outcome(file) for file in files}, result)
    result.close()


if __name__ == "__main__":
    main()
