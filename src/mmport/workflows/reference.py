"""Tiny checkpoints: shrunk, built in an engine's environment, and kept for the next time."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmport.core.errors import TargetUnwritable, WorkerFailed
from mmport.core.files import sha256_file, staged_folder
from mmport.engines.discover import probe
from mmport.engines.facts import EngineFacts
from mmport.engines.supervise import WORKERS, Job, run_jobs
from mmport.hub.source import ModelSource
from mmport.reference_models import recipe

_TIMEOUT_SECONDS = 300.0
_BUILDER = ("build_tiny.py", "tiny_tokenizer.py", "tiny_weights.py", "images.py")
_ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

Progress = Callable[[str], None]


def build_tiny(
    source: ModelSource | str,
    *,
    python: Path,
    out: Path | None = None,
    layout: str | None = None,
    seed: int = 0,
    dtype: str = "float32",
    progress: Progress | None = None,
) -> Path:
    """Give a tiny checkpoint that is put together like `source`.

    What was built before from the same config, files, builder and versions is
    taken from the cache (`cache_folder`).

    Args:
        source: a model source, or the name of a reference model.
        python: of an environment with torch and transformers.
        out: where to put it; None for the cache, which must not be written to.
        layout: whose tensor names; None for the source's own, or transformers 5's.
        seed: of the weights.
        dtype: of the weights, as torch names it.
        progress: called with each phase.

    Returns:
        The folder of the checkpoint.

    Raises:
        SourceError: the source cannot be read.
        NotPortable: its family or one of its parts is not known.
        EngineMissing: `python` does not work.
        WorkerFailed: it could not be built.
        TargetUnwritable: neither `out` nor the cache can be written.
    """
    payload = recipe.payload(recipe.find_source(source), layout=layout, seed=seed, dtype=dtype)
    cached = cache_folder() / _key(payload, probe(python))
    if not cached.is_dir():
        try:
            _publish(payload, python, cached, progress)
        except TargetUnwritable:
            if out is None:
                raise
            _publish(payload, python, out, progress)
            return out
    if out is None:
        return cached
    with staged_folder(out) as stage:
        shutil.copytree(cached, stage, dirs_exist_ok=True)
    return out


def cache_folder() -> Path:
    """Give the folder of built checkpoints; `MMPORT_CACHE` or `XDG_CACHE_HOME` moves it."""
    own = os.environ.get("MMPORT_CACHE")
    if own:
        return Path(own).expanduser() / "tiny"
    general = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(general).expanduser() / "mmport" / "tiny"


def _publish(payload: dict[str, Any], python: Path, place: Path, progress: Progress | None) -> None:
    """Build beside `place` and rename; whoever built the same meanwhile is left alone."""
    own = place.with_name(f"{place.name}.{os.getpid()}")
    with staged_folder(own) as stage:
        _build(payload, python, stage, progress)
    try:
        own.rename(place)
    except OSError:
        shutil.rmtree(own, ignore_errors=True)
        if not place.is_dir():
            raise


def _build(payload: dict[str, Any], python: Path, folder: Path, progress: Progress | None) -> None:
    with tempfile.TemporaryDirectory(prefix="mmport-tiny-") as scratch:
        job = Job(
            name="tiny model",
            python=python,
            task="build_tiny",
            payload={**payload, "checkpoint": str(folder.resolve())},
            out=Path(scratch),
            environment=_ENVIRONMENT,
        )

        def tell(_: str, phase: str) -> None:
            if progress is not None:
                progress(phase)

        error = run_jobs([job], timeout=_TIMEOUT_SECONDS, progress=tell)[job.name].error
    if error is not None:
        raise WorkerFailed(
            f"the tiny model could not be built ({error.phase}): {error.type}: {error.message}",
            "try another --seed; `mmport doctor` checks the environment, --debug shows more",
        )


def _key(payload: dict[str, Any], engine: EngineFacts) -> str:
    """Hash all that the checkpoint's bytes depend on."""
    files = {
        name: sha256_file(Path(content["path"])) if "path" in content else content["text"]
        for name, content in payload["files"].items()
    }
    everything = {
        "payload": {**payload, "files": files},
        "builder": {name: sha256_file(WORKERS / name) for name in _BUILDER},
        "versions": [str(package) for package in engine.packages],
    }
    text = json.dumps(everything, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
