"""Prove an implementation: find the model and the engines, compare, keep the evidence."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mmport.codemods.parsing import read_python
from mmport.core.errors import ModelNotFound, NotPortable, Usage, WorkerFailed
from mmport.core.files import require_writable, sha256_file
from mmport.core.output import Progress, Sink
from mmport.engines.discover import Engines, find_engine
from mmport.engines.supervise import RunJobs, run_jobs
from mmport.generation.lock import proven_hashes, read_lock, record_evidence
from mmport.generation.rewriting import chosen_class
from mmport.hub.opening import open_source
from mmport.hub.source import ModelSource
from mmport.inspection.inspector import inspect_model
from mmport.model.evidence import Evidence, FileHash, Implementation, Outcome, Stage
from mmport.model.facts import ModelFacts
from mmport.model.spec import VlmSpec
from mmport.planning.heads import cpu_dtype
from mmport.reports.exhibits import collect_exhibits
from mmport.reports.record import command_line, make_record
from mmport.reports.write import EVIDENCE, write_report
from mmport.verification.facts import facts_for, facts_from_card, has_card
from mmport.verification.referee import ENGINE
from mmport.verification.run import REFERENCE, Setup, compare
from mmport.verification.selection import Selection
from mmport.verification.subjects import Subject
from mmport.workflows.old_engines import (
    is_old,
    reads_old_files,
    refuse_what_old_engines_lack,
    target_of,
    vllm_version,
    with_torchvision,
)
from mmport.workflows.reference import build_tiny

VERIFY_SCHEMA = "mmport.verify/1"


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What the user asked `verify` for; `report` is a folder for all evidence."""

    implementations: tuple[Implementation, ...] = ()
    port: Path | None = None
    """A port's folder, or a file with a model class."""
    class_name: str = ""
    """The class of that file, where it has several."""
    revision: str | None = None
    trust_remote_code: bool = False
    tiny: bool = False
    gpu: bool = False
    dtype: str = ""
    """Of both sides; empty: the usual one of the device."""
    timeout: float = 400.0
    vllm_python: Path | None = None
    hf_python: Path | None = None
    report: Path | None = None
    stages: tuple[Stage, ...] = ()
    scenarios: tuple[str, ...] = ()
    """What of the questions is asked; empty: all of them."""
    tp: int = 1
    """Ranks of an engine that is asked besides the usual one."""
    compiled: bool = False
    """Whether an engine as users run it is asked as well; on a GPU one always is."""
    memory: float = 0.5
    """The share of a GPU's memory that the engine may take."""

    @property
    def run_dtype(self) -> str:
        """The dtype of both sides: on a GPU that of users, elsewhere the plainest."""
        return self.dtype or ("bfloat16" if self.gpu else "float32")


def verify(model: str, options: VerifyOptions, sink: Sink) -> tuple[Evidence, ...]:
    """Compare implementations of `model` with HF, and keep the evidence beside the port.

    Raises:
        MmportError: the model, the port or an engine is missing, or a worker died.
    """
    if options.report is not None:
        require_writable(options.report / EVIDENCE)
    with sink.progress("verify") as progress:
        return prove(model, options, sink, progress)


def prove(
    model: str,
    options: VerifyOptions,
    sink: Sink,
    progress: Progress,
    run: RunJobs = run_jobs,
) -> tuple[Evidence, ...]:
    """Do what `verify` does; `run` is what runs the workers.

    Raises:
        MmportError: the model, the port or an engine is missing, or a worker died.
    """
    with prepared(model, options, progress) as (setup, subjects):
        found = [
            (one, pass_)
            for pass_ in _passes(setup)
            for one in compare(pass_, subjects, progress, run=run)
        ]
        _keep(found, setup, options)
        if setup.selection.is_part and _has_lock(options):
            sink.say("only a part was asked, so the evidence was not recorded beside the port")
        for one, pass_ in found:
            _save_log(one, pass_.work, sink)
    return tuple(one for one, _ in found)


def _passes(setup: Setup) -> tuple[Setup, ...]:
    """The comparison, and on a GPU once more in float32: there a fault shows where it is."""
    if not setup.gpu or setup.run_dtype == "float32" or setup.facts.dtype:
        return (setup,)
    plain = replace(setup, dtype="float32", compiled=False, tensor_parallel=1)
    return (setup, replace(plain, work=setup.work / "float32"))


@contextmanager
def prepared(
    model: str, options: VerifyOptions, progress: Progress
) -> Iterator[tuple[Setup, tuple[Subject, ...]]]:
    """Find the model, the engines and what is put to the test; give a folder to work in.

    Raises:
        MmportError: the model, the port or an engine is missing.
    """
    subjects = _subjects(options)
    engines = find_engine(options.vllm_python, options.hf_python)
    refuse_what_old_engines_lack(options, engines)
    with _work_folder() as work:
        source = open_source(model, revision=options.revision)
        folder = _checkpoint(source, options, engines, progress)
        setup = Setup(
            model=folder,
            facts=_facts(model, folder, options, engines),
            # Where a folder lies is nobody's business who reads the evidence.
            name=model if source.kind == "hub" else Path(model).resolve().name,
            revision=source.revision,
            tiny=options.tiny,
            vllm_python=engines.vllm,
            hf_python=engines.hf,
            work=work,
            dtype=options.run_dtype,
            gpu=options.gpu,
            compiled=options.compiled or options.gpu,
            memory=options.memory,
            timeout=options.timeout,
            vllm_version=vllm_version(engines),
            trust_remote_code=options.trust_remote_code,
            selection=Selection(options.stages, options.scenarios),
            tensor_parallel=options.tp,
            legacy=is_old(engines),
            beside_older=reads_old_files(engines),
            with_torchvision=with_torchvision(engines),
        )
        setup.selection.check(setup.facts)
        yield setup, subjects


def failed(evidence: Sequence[Evidence]) -> bool:
    """Tell whether what the user wants proven is not: the port, where there is one."""
    ports = [one for one in evidence if one.implementation == "port"]
    return any(one.outcome is not Outcome.PASSED for one in ports or evidence)


def _subjects(options: VerifyOptions) -> tuple[Subject, ...]:
    default: tuple[Implementation, ...] = ("port",) if options.port else ("in-tree",)
    wanted = dict.fromkeys(options.implementations or default)
    return tuple(
        subject_of(implementation, options.port, options.class_name) for implementation in wanted
    )


def subject_of(
    implementation: Implementation, port: Path | None = None, class_name: str = ""
) -> Subject:
    """Say how an engine is to find an implementation.

    Raises:
        Usage: it is the port, and none was named, or it is a file of several classes.
        PortUnreadable: the port's lock is missing or damaged.
    """
    if implementation != "port":
        return Subject(implementation)
    if port is None:
        raise Usage("no port was named", "add --port DIR, or choose another --impl")
    if port.is_file():
        return file_subject(port, class_name)
    plan = read_lock(port).plan
    module_class = f"{plan.model_module}:{plan.architecture}"
    return Subject(
        "port",
        folder=port,
        entry_point=f"{plan.names.package}:register" if plan.layout == "plugin" else "",
        model_class=module_class if plan.layout == "file" else "",
        files=proven_hashes(port),
        modality=plan.legacy.modality if plan.legacy and plan.legacy.plugin_class else "",
    )


def file_subject(path: Path, class_name: str) -> Subject:
    """Say how an engine is to find a model class of a file that is no port of ours.

    Raises:
        Usage: it is not clear which class is meant.
        MalformedSource: the file is no Python.
    """
    folder, parts = path.absolute().parent, [path.stem]
    while (folder / "__init__.py").is_file():
        folder, parts = folder.parent, [folder.name, *parts]
    name = chosen_class(read_python(path), class_name or None)
    return Subject(
        "port",
        folder=folder,
        model_class=f"{'.'.join(parts)}:{name}",
        files=(FileHash(path.name, sha256_file(path)),),
    )


def _has_lock(options: VerifyOptions) -> bool:
    """Tell a port of ours, which keeps what it was made from, from a file of anybody's."""
    return options.port is not None and not options.port.is_file()


def _checkpoint(
    source: ModelSource, options: VerifyOptions, engines: Engines, progress: Progress
) -> Path:
    if options.tiny:
        return build_tiny(
            source,
            python=engines.hf,
            dtype=options.run_dtype,
            timeout=options.timeout,
            trust_remote_code=options.trust_remote_code,
            old=reads_old_files(engines),
            progress=lambda phase: progress.step(f"tiny model: {phase}"),
        )
    return source.materialize()


def _facts(model: str, folder: Path, options: VerifyOptions, engines: Engines) -> ModelFacts:
    """What is known of the model: by inspection, or else from a reference model's card."""
    # An old engine has classes for encoders of which today's says nothing.
    target = target_of(engines)
    try:
        spec = inspect_model(
            open_source(str(folder), revision=None),
            target,
            trust_remote_code=options.trust_remote_code,
        )
    except NotPortable:
        # A file of anybody's may serve a model that no port can be made of.
        if _has_lock(options) or not has_card(folder):
            raise
        return facts_from_card(folder)
    _check_fit(model, spec, options)
    facts = facts_for(folder, spec)
    return replace(facts, dtype=facts.dtype or _only_dtype(spec, options))


def _only_dtype(spec: VlmSpec, options: VerifyOptions) -> str:
    """Name the dtype that the language model must run in where the engine is; empty: any.

    Raises:
        Usage: another was asked for.
    """
    architecture = spec.language_model.vllm_architecture or ""
    only = "" if options.gpu else cpu_dtype(architecture)
    if only and options.dtype not in ("", only):
        raise Usage(
            f"vLLM's CPU kernels run {architecture} in {only} alone",
            f"leave out --dtype, or say --dtype {only}",
        )
    return only


def _check_fit(model: str, spec: VlmSpec, options: VerifyOptions) -> None:
    """Refuse what cannot be compared before an engine is started for it.

    Raises:
        ModelNotFound: there are no weights to compare with.
        NotPortable: the port is of another architecture or encoder.
    """
    if spec.checkpoint is None:
        raise ModelNotFound(
            f"{model} holds no safetensors weights",
            "add --tiny to verify on small random weights, or fetch the weights",
        )
    if options.port is None or not _has_lock(options):
        return
    locked = read_lock(options.port).spec
    # A spec for another target may leave the encoders to the source.
    by_parts = bool(spec.encoders and locked.encoders)
    ours, theirs = (_kind(one, by_parts=by_parts) for one in (spec, locked))
    if ours != theirs:
        raise NotPortable(
            f"{model} is {' with '.join(ours)}, and the port is for {' with '.join(theirs)}",
            "name the model that the port was made from, or scaffold a port of this one",
        )


def _kind(spec: VlmSpec, *, by_parts: bool) -> tuple[str, ...]:
    """What has to be the same of a model and of a port for it."""
    families = (encoder.family for encoder in spec.encoders) if by_parts else ()
    return (spec.architecture, *families)


@contextmanager
def _work_folder() -> Iterator[Path]:
    """A folder for the workers; it stays if one died, as the error names its log."""
    work = Path(tempfile.mkdtemp(prefix="mmport-verify-"))
    try:
        yield work
    except WorkerFailed:
        raise
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    shutil.rmtree(work, ignore_errors=True)


def _save_log(evidence: Evidence, work: Path, sink: Sink) -> None:
    """Keep the log of an engine that an implementation brought down, and say where."""
    stopped = any(
        measurement.subject == ENGINE
        for stage in evidence.stages
        for measurement in stage.measurements
    )
    if stopped:
        name = evidence.implementation
        _, kept = tempfile.mkstemp(prefix=f"mmport-{name}-", suffix=".log")
        shutil.copy(work / name / "worker.log", kept)
        sink.say(f"{name} stopped the engine; its log is {kept}")


def _keep(found: Sequence[tuple[Evidence, Setup]], setup: Setup, options: VerifyOptions) -> None:
    """Keep the evidence where it is wanted, while the workers' files are still there.

    Beside a port goes that of the first comparison: it is in the dtype of users.
    """
    if options.port is not None and _has_lock(options) and not setup.selection.is_part:
        for one, pass_ in found:
            if pass_ is setup:
                record_evidence(options.port, one)
    if options.report is not None:
        evidence = tuple(one for one, _ in found)
        record = make_record(setup, evidence, command_line(setup.name, options))
        exhibits = [
            collect_exhibits(
                one,
                pass_.work / REFERENCE,
                pass_.work / one.implementation,
                setup.model,
                setup.asked,
            )
            for one, pass_ in found
        ]
        write_report(options.report, record, exhibits)
