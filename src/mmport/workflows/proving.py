"""Proves a migrated file on an engine of the release that it was migrated to."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mmport.core.errors import Usage
from mmport.core.output import Sink
from mmport.engines.discover import find_engine
from mmport.model.evidence import Evidence
from mmport.workflows.migrate import Migration
from mmport.workflows.migrating import FileTask, migrate_file
from mmport.workflows.old_engines import target_of
from mmport.workflows.verify import VerifyOptions, verify


@dataclass(frozen=True, slots=True)
class Proof:
    """A comparison that is to be made of one migrated file with HuggingFace."""

    model: str
    task: FileTask
    options: VerifyOptions

    def run(self, sink: Sink) -> tuple[Evidence, ...]:
        """Compare; a file that was not written is proven as it would be.

        Raises:
            MmportError: the model or an engine is missing, or a worker died.
        """
        with _migrated(self.task) as port:
            return verify(self.model, replace(self.options, port=port), sink)


def plan_proof(model: str, plan: Migration, options: VerifyOptions) -> Proof:
    """See that a migration can be proven, before anything is written.

    Raises:
        Usage: it is of several files, the engine is of another release, or the file
            is part of a package and is not to be written.
        EngineMissing: there is no engine.
    """
    if len(plan.tasks) != 1:
        raise Usage(
            f"--verify proves one file, and there are {len(plan.tasks)}",
            "name the file that has the class",
        )
    task = plan.tasks[0]
    if not task.write and (task.path.parent / "__init__.py").is_file():
        raise Usage(
            f"{task.path} is part of a package and cannot be proven apart from it",
            "add --write",
        )
    found = target_of(find_engine(options.vllm_python, options.hf_python)).version
    if found != plan.target:
        raise Usage(
            f"the engine has vLLM {found}, and the file is for {plan.target}",
            "name an engine of that release with --vllm-python",
        )
    return Proof(model, task, options)


@contextmanager
def _migrated(task: FileTask) -> Iterator[Path]:
    """Give the migrated file: itself where it was written, and else a copy of it."""
    if task.write:
        yield task.path
        return
    with tempfile.TemporaryDirectory(prefix="mmport-migrate-") as folder:
        copy = Path(shutil.copyfile(task.path, Path(folder) / task.path.name))
        migrate_file(replace(task, path=copy, write=True))
        yield copy
