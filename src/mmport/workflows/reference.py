"""Tiny checkpoints: shrunk, built in an engine's environment, and kept for the next time."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmport.core.errors import TargetUnwritable, WorkerFailed
from mmport.core.files import copy_folder, sha256_file, staged_folder
from mmport.engines.discover import probe
from mmport.engines.facts import EngineFacts
from mmport.engines.supervise import WORKERS, Job, RunJobs, WorkerError, run_jobs
from mmport.hub.source import ModelSource
from mmport.reference_models import recipe
from mmport.verification.jobs import quiet_environment

TIMEOUT_SECONDS = 300.0
"""What building one is given; the largest vocabularies take the longest."""

_BUILDER = (
    "build_tiny.py",
    "images.py",
    "greedy.py",
    "media.py",
    *sorted(path.name for path in WORKERS.glob("tiny_*.py")),
)

Tell = Callable[[str], None]


def build_tiny(
    source: ModelSource | str,
    *,
    python: Path,
    out: Path | None = None,
    layout: str | None = None,
    seed: int = 0,
    dtype: str = "float32",
    timeout: float = TIMEOUT_SECONDS,
    trust_remote_code: bool = False,
    old: bool = False,
    progress: Tell | None = None,
    run: RunJobs | None = None,
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
        timeout: seconds that the builder is given.
        trust_remote_code: whether code of the source may be run.
        old: whether one of vLLM's old engines is to run it, and transformers 4 to read it.
        progress: called with each phase.
        run: runs the builder's job; None for a process of its own.

    Returns:
        The folder of the checkpoint.

    Raises:
        SourceError: the source cannot be read.
        NotPortable: its family or one of its parts is not known.
        EngineMissing: `python` does not work.
        WorkerFailed: it could not be built; the builder's log is kept.
        TargetUnwritable: neither `out` nor the cache can be written.
    """
    found = recipe.find_source(source, trust_remote_code=trust_remote_code)
    payload = recipe.payload(found, layout=layout, seed=seed, dtype=dtype, old=old)
    cached = cache_folder() / _key(payload, probe(python))
    builder = _Builder(payload, python, timeout, progress, run or run_jobs)
    if not cached.is_dir():
        try:
            with staged_folder(cached, replace=False) as stage:
                builder.build(stage)
        except TargetUnwritable:
            if out is None:
                raise
            with staged_folder(out) as stage:
                builder.build(stage)
            return out
    if out is None:
        return cached
    copy_folder(cached, out)
    return out


def cache_folder() -> Path:
    """Give the folder of built checkpoints; `MMPORT_CACHE` or `XDG_CACHE_HOME` moves it."""
    own = os.environ.get("MMPORT_CACHE")
    if own:
        return Path(own).expanduser() / "tiny"
    general = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(general).expanduser() / "mmport" / "tiny"


@dataclass(frozen=True, slots=True)
class _Builder:
    """What builds one checkpoint in an engine's Python."""

    payload: dict[str, Any]
    python: Path
    timeout: float
    progress: Tell | None
    run: RunJobs

    def build(self, folder: Path) -> None:
        """Build into a folder that is there.

        Raises:
            WorkerFailed: it could not be built.
        """
        with _scratch() as scratch:
            job = Job(
                name="tiny model",
                python=self.python,
                task="build_tiny",
                payload={**self.payload, "checkpoint": str(folder.resolve())},
                out=scratch,
                environment={**quiet_environment(), "HF_MODULES_CACHE": str(scratch / "modules")},
            )
            result = self.run([job], timeout=self.timeout, progress=self._tell)[job.name]
            if result.error is not None:
                raise _failed(result.error, result.log)

    def _tell(self, _: str, phase: str) -> None:
        if self.progress is not None:
            self.progress(phase)


def _failed(error: WorkerError, log: Path) -> WorkerFailed:
    return WorkerFailed(
        f"the tiny model could not be built ({error.phase}): {error.type}: {error.message}",
        f"verify with the real weights instead (without --tiny); the log is {log}, and"
        " `mmport doctor` checks the environment",
        details=error.traceback,
    )


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for the worker; kept if the worker failed, as its log says how."""
    folder = Path(tempfile.mkdtemp(prefix="mmport-tiny-"))
    try:
        yield folder
    except WorkerFailed:
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    else:
        shutil.rmtree(folder, ignore_errors=True)


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
