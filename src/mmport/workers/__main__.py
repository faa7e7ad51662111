"""Run one job: `PYTHON …/workers JOB.json`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

PACKAGE = "mmport_workers"


def _load_package(folder: Path) -> None:
    """Make this folder importable as a package, so that its modules find each other.

    Python put the folder itself on the path; a module here that shares its name
    with an engine (`vllm`) would hide it, so the folder is taken off again.
    """
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != folder]
    spec = importlib.util.spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"no package in {folder}")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


def _main() -> None:
    _load_package(Path(__file__).resolve().parent)
    runner = importlib.import_module(f"{PACKAGE}.runner")
    runner.main(Path(sys.argv[1]))


if __name__ == "__main__":
    _main()
