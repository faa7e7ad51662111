"""Prove an implementation: find the model and the engines, compare, keep the evidence."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mmport.core.errors import Finding, WorkerFailed
from mmport.core.files import write_text
from mmport.core.jsonable import to_json
from mmport.core.output import Sink
from mmport.engines.discover import find_engine
from mmport.generation.lock import proven_hashes, read_lock, record_evidence
from mmport.hub.opening import open_source
from mmport.inspection.inspector import inspect_model
from mmport.model.evidence import Evidence, Implementation
from mmport.verification.run import Setup, compare
from mmport.verification.subjects import Subject
from mmport.vllm_api.catalog import resolve_target
from mmport.workflows.reference import build_tiny


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What the user asked `verify` for; `report` is a folder for all evidence."""

    implementations: tuple[Implementation, ...] = ()
    port: Path | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    tiny: bool = False
    gpu: bool = False
    dtype: str = "float32"
    timeout: float = 400.0
    vllm_python: Path | None = None
    hf_python: Path | None = None
    report: Path | None = None


def verify(model: str, options: VerifyOptions, sink: Sink) -> tuple[Evidence, ...]:
    """Compare implementations of `model` with HF, and keep the evidence beside the port.

    Raises:
        MmportError: the model, the port or an engine is missing, or a worker died.
    """
    engines = find_engine(options.vllm_python, options.hf_python)
    subjects = _subjects(options)
    with sink.progress("verify") as progress, _work_folder() as work:
        source = open_source(model, revision=options.revision)
        folder = build_tiny(source, python=engines.hf) if options.tiny else source.materialize()
        spec = inspect_model(open_source(str(folder), revision=None), resolve_target(None))
        setup = Setup(
            model=folder,
            spec=spec,
            name=model,
            revision=source.revision,
            tiny=options.tiny,
            vllm_python=engines.vllm,
            hf_python=engines.hf,
            work=work,
            dtype=options.dtype,
            gpu=options.gpu,
            timeout=options.timeout,
        )
        evidence = compare(setup, subjects, progress)
    _keep(evidence, options)
    return evidence


def _subjects(options: VerifyOptions) -> tuple[Subject, ...]:
    default: tuple[Implementation, ...] = ("port",) if options.port else ("in-tree",)
    wanted = dict.fromkeys(options.implementations or default)
    return tuple(_subject(implementation, options.port) for implementation in wanted)


def _subject(implementation: Implementation, port: Path | None) -> Subject:
    if implementation != "port":
        return Subject(implementation)
    if port is None:
        raise Finding("no port was named", "add --port DIR, or choose another --impl")
    plan = read_lock(port).plan
    module_class = f"{plan.model_module}:{plan.architecture}"
    return Subject(
        "port",
        folder=port,
        entry_point=f"{plan.names.package}:register" if plan.layout == "plugin" else "",
        model_class=module_class if plan.layout == "file" else "",
        files=proven_hashes(port),
    )


@contextmanager
def _work_folder() -> Iterator[Path]:
    """A folder for the workers; kept if one died, as its log says how."""
    work = Path(tempfile.mkdtemp(prefix="mmport-verify-"))
    try:
        yield work
    except WorkerFailed:
        raise
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    else:
        shutil.rmtree(work, ignore_errors=True)


def _keep(evidence: Sequence[Evidence], options: VerifyOptions) -> None:
    for one in evidence:
        if options.port is not None:
            record_evidence(options.port, one)
        if options.report is not None:
            write_text(options.report / f"{one.implementation}.json", to_json(one))
