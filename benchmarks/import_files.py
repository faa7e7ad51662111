"""Imports model files into an engine, each in a process of its own.

    ENGINE_PYTHON benchmarks/import_files.py FILE...

Prints one JSON object: for each file the error that its import ends with, or null.
A file is imported as the sibling of vLLM's own models that it was written as, so that
relative imports mean what they meant.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

MODELS = "vllm.model_executor.models"


def outcome(file: Path) -> str | None:
    """Import a file in a forked process; give its error in one line."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        message = attempt(file)
        os.write(writing, json.dumps(message).encode()[:60000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else "the process died"


def attempt(file: Path) -> str | None:
    """Import a file as a module of vLLM's models."""
    name = f"{MODELS}.{file.stem}"
    sys.modules.pop(name, None)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None  # noqa: PT018
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        return f"{type(error).__name__}: {error}".splitlines()[0][:300]
    return None


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
