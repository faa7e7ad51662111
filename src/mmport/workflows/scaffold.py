"""From a model to a port on disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmport.core.output import Sink
from mmport.generation.diff import unified_diff
from mmport.generation.merge import first_mark
from mmport.generation.staging import hand_over, staged_copy
from mmport.generation.update import (
    Update,
    apply_update,
    check_folder,
    plan_update,
    refuse_edited,
)
from mmport.model.evidence import Evidence
from mmport.model.finding import Finding, Severity
from mmport.model.plan import Layout, PortPlan
from mmport.model.spec import Source, VlmSpec
from mmport.planning.plan import plan_port
from mmport.vllm_api.catalog import Target, resolve_target
from mmport.workflows.advice import advising

SCAFFOLD_SCHEMA = "mmport.scaffold/1"


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for."""

    model: str
    folder: Path
    target_vllm: str | None = None
    layout: Layout = "plugin"
    modality_plugin: str = ""
    revision: str | None = None
    trust_remote_code: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class ScaffoldedFile:
    """One file of the port and what became, or would become, of it."""

    path: str
    state: str


@dataclass(frozen=True, slots=True)
class Scaffold:
    """The result of `mmport scaffold`; `files` has the lock only if it changes."""

    schema: str
    folder: str
    written: bool
    plan: PortPlan
    files: tuple[ScaffoldedFile, ...]
    diff: str
    findings: tuple[Finding, ...]
    evidence: tuple[Evidence, ...] = ()

    @property
    def would_change(self) -> bool:
        """Whether the folder is not as it is generated now."""
        return bool(self.diff or self.findings)


def prepare(request: Request, *, step: Callable[[str], None] = lambda line: None) -> Update:
    """Inspect a model, plan its port, and compare the folder with it; write nothing.

    Raises:
        UnknownTarget: there is no such vLLM release, or no contract of it.
        TargetUnwritable: the place is not a folder.
        SourceError: the model cannot be read.
        NotPortable: mmport cannot port it.
        PortUnreadable: the folder holds a damaged lock.
        Usage: the folder holds another port.
    """
    from mmport.hub.opening import open_source
    from mmport.inspection.inspector import inspect_model

    target = resolve_target(request.target_vllm)
    check_folder(request.folder)
    step(f"reading {request.model}")
    source = open_source(request.model, revision=request.revision)
    with advising(source, target):
        spec = inspect_model(source, target, trust_remote_code=request.trust_remote_code)
        return prepare_spec(spec, request, target)


def prepare_spec(spec: VlmSpec, request: Request, target: Target) -> Update:
    """Plan the port of an inspected model, and compare the folder with it.

    Raises as `prepare` does, but for what reading the model raises.
    """
    spec = dataclasses.replace(spec, source=_portable(spec.source))
    plan = plan_port(spec, target, layout=request.layout, modality_plugin=request.modality_plugin)
    return plan_update(request.folder, plan, spec, force=request.force)


def preview(update: Update) -> Scaffold:
    """Say what bringing the folder up to date would do."""
    return _result(update, written=False)


def write(update: Update) -> Scaffold:
    """Bring the folder up to date, all of it or nothing.

    Raises:
        EditedFiles: files were edited and not accepted; nothing is written.
        TargetUnwritable: the folder cannot be written.
    """
    apply_update(update)
    return _result(update, written=True)


def write_proven(
    update: Update,
    request: Request,
    vllm_python: Path | None,
    hf_python: Path | None,
    sink: Sink,
) -> Scaffold:
    """Prove the port on small random weights, and write it only if it is right.

    It is generated into a folder of its own and proven there. Where it is red,
    or edits collide with what is generated, nothing is written.

    Raises:
        EditedFiles: files were edited and not accepted.
        EngineMissing: there is no engine to prove it on.
        WorkerFailed: a side of the comparison ended without a result.
        Objection: the folder changed in the meantime.
        TargetUnwritable: the folder cannot be written.
    """
    from mmport.workflows.verify import VerifyOptions, failed, verify

    refuse_edited(update)
    if update.conflicts:
        return _result(update, written=False)
    with staged_copy(update) as stage:
        options = VerifyOptions(
            implementations=("port",),
            port=stage,
            revision=request.revision,
            trust_remote_code=request.trust_remote_code,
            tiny=True,
            vllm_python=vllm_python,
            hf_python=hf_python,
        )
        evidence = verify(request.model, options, sink)
        right = not failed(evidence)
        if right:
            hand_over(update, stage)
    return dataclasses.replace(_result(update, written=right), evidence=evidence)


def _result(update: Update, *, written: bool) -> Scaffold:
    pending = update.pending
    diff = "".join(unified_diff(item.path, item.before, item.after) for item in pending)
    listed = {item.path: item for item in (*update.changes, *pending)}
    return Scaffold(
        schema=SCAFFOLD_SCHEMA,
        folder=str(update.folder),
        written=written,
        plan=update.lock.plan,
        files=tuple(ScaffoldedFile(item.path, item.state.value) for item in listed.values()),
        # A file that is overwritten may be no UTF-8; what is printed has to be.
        diff=diff.encode(errors="backslashreplace").decode(),
        findings=(*_conflicts(update, written=written), *_edits(update)),
    )


def _portable(source: Source) -> Source:
    """Name a local model by its folder alone: where that lies says nothing elsewhere."""
    if source.kind != "local":
        return source
    folder = Path(source.name).expanduser().resolve()
    return dataclasses.replace(source, name=folder.name or "model")


def _conflicts(update: Update, *, written: bool) -> list[Finding]:
    settle = f"settle the conflict, remove its marks, then: mmport accept {update.folder}"
    if not written:
        settle = f"have the marks written by mmport scaffold without --verify; {settle}"
    return [
        Finding(
            severity=Severity.ERROR,
            rule="conflict",
            file=str(update.folder / item.path),
            line=first_mark(item.after or ""),
            message="your accepted edit and the newly generated text change the same lines",
            fix=settle,
        )
        for item in update.changes
        if item.path in update.conflicts
    ]


def _edits(update: Update) -> list[Finding]:
    return [
        Finding(
            severity=Severity.ERROR,
            rule="edited",
            file=str(update.folder / path),
            line=0,
            message="edited and not accepted; left as it is",
            fix=f"keep the edit with: mmport accept {update.folder}; or overwrite it with --force",
        )
        for path in update.edited
    ]
