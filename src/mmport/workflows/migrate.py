"""From model files of one release of vLLM to those files for another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mmport.codemods.migrate.donor import Donor, read_donor
from mmport.core.errors import Usage
from mmport.gate.config import Configs, Overrides
from mmport.gate.rules import SYNTAX
from mmport.gate.sources import collect
from mmport.generation.render import render_port
from mmport.hub.opening import open_source
from mmport.inspection.inspector import inspect_model
from mmport.model.finding import Finding
from mmport.planning.plan import plan_port
from mmport.vllm_api import store
from mmport.vllm_api.catalog import resolve_target
from mmport.workflows.migrating import FileResult, FileTask, migrate_file

MIGRATE_SCHEMA = "mmport.migrate/1"


@dataclass(frozen=True, slots=True)
class MigrateRequest:
    """What the user asked for: files and folders, and the releases."""

    paths: tuple[Path, ...]
    to: str
    origin: str | None = None
    write: bool = False
    jobs: int = 0
    """How many processes; 0: one a core."""
    model: str | None = None
    """The model that the files serve, folder or hub id, to take from its port what they lack."""
    revision: str | None = None
    trust_remote_code: bool = False
    shim: bool = False
    """Whether the files are to serve every release from `origin` to `to`."""


@dataclass(frozen=True, slots=True)
class Migration:
    """A run that is to be made: the files, and what could not be listed."""

    target: str
    tasks: tuple[FileTask, ...]
    unreadable: tuple[Finding, ...]
    jobs: int

    def results(self) -> Iterator[FileResult]:
        """Migrate file by file; the results come in the order of the files."""
        jobs = min(self.jobs or os.cpu_count() or 1, len(self.tasks))
        if jobs > 1:
            with ProcessPoolExecutor(jobs) as pool:
                yield from pool.map(migrate_file, self.tasks, chunksize=1)
        else:
            yield from map(migrate_file, self.tasks)


def plan_migration(request: MigrateRequest) -> Migration:
    """Find out what is to be migrated from where.

    Raises:
        Usage: a path is missing or holds no Python file, or the releases are in the
            wrong order.
        UnknownTarget: one of the releases is none.
        ModelNotFound: there is no such model.
        NotPortable: the model has no port to take anything from.
    """
    if request.shim and not request.origin:
        raise Usage("a shim serves a span of releases, and has no first", "name it by --from")
    target = resolve_target(request.to).version
    origin = resolve_target(request.origin).version if request.origin else ""
    if origin and store.places()[origin] > store.places()[target]:
        raise Usage(
            f"vLLM {origin} is newer than {target}: files are migrated forwards",
            "swap --from and --to",
        )
    sources = collect(request.paths, Configs(Overrides()).excludes)
    if not sources.files and not sources.unreadable:
        raise Usage(
            "there is no Python file to migrate: a port is generated anew",
            "mmport scaffold MODEL -o PORT --target-vllm V",
        )
    unreadable = [
        SYNTAX.finding(f"cannot be listed: {reason}", file=str(folder))
        for folder, reason in sources.unreadable
    ]
    donor = _donor(request)
    tasks = tuple(
        FileTask(path, target, origin, request.write, donor, request.shim) for path in sources.files
    )
    return Migration(target, tasks, tuple(unreadable), request.jobs)


def _donor(request: MigrateRequest) -> Donor | None:
    if request.model is None:
        return None
    target = resolve_target(request.to)
    source = open_source(request.model, revision=request.revision)
    spec = inspect_model(source, target, trust_remote_code=request.trust_remote_code)
    plan = plan_port(spec, target, layout="file")
    return read_donor(render_port(plan, spec)[plan.model_file], plan.architecture)
