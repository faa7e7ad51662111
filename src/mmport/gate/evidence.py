"""Is there proof of a port, and of exactly the port that is there?"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mmport.core.files import sha256_file
from mmport.core.jsonable import from_json
from mmport.gate import rules
from mmport.gate.port import Port
from mmport.generation.lock import evidence_path, proven_paths
from mmport.model.evidence import EVIDENCE_SCHEMA, Evidence, Outcome, Stage
from mmport.model.finding import Finding
from mmport.vllm_api.eras import parse_release


def check_evidence(port: Port) -> Iterator[Finding]:
    """Find what is wrong with a port's evidence.

    All recorded evidence has to be whole. Only that of the port itself has to
    have passed: what vLLM's own class does beside it is no fault of the port.
    """
    wanted = evidence_path("port")
    if wanted not in {item.path for item in port.lock.evidence}:
        yield port.finding(rules.EVIDENCE_MISSING, wanted, "the port was never proven")
    for item in port.lock.evidence:
        file = port.folder / item.path
        if not file.is_file():
            yield port.finding(
                rules.EVIDENCE_MISSING, item.path, "the lock has it, the port does not"
            )
        elif sha256_file(file) != item.sha256:
            yield port.finding(rules.EVIDENCE_DAMAGED, item.path, "changed since it was recorded")
        elif item.path == wanted:
            yield from _of_the_port(port, item.path)


def _of_the_port(port: Port, path: str) -> Iterator[Finding]:
    try:
        evidence = from_json((port.folder / path).read_bytes(), Evidence)
    except msgspec.DecodeError as error:
        yield port.finding(rules.EVIDENCE_DAMAGED, path, f"not evidence: {error}")
        return
    if evidence.schema != EVIDENCE_SCHEMA or evidence.implementation != "port":
        message = f"evidence of {evidence.implementation!r} in schema {evidence.schema!r}"
        yield port.finding(rules.EVIDENCE_DAMAGED, path, message)
        return
    if evidence.outcome is not Outcome.PASSED:
        reason = evidence.first_failure or "nothing was compared"
        yield port.finding(rules.EVIDENCE_FAILED, path, f"{evidence.outcome}: {reason}")
    else:
        yield from _stages(port, path, evidence)
    yield from _model(port, path, evidence)
    yield from _modules(port, path, evidence)
    used, target = evidence.environment.vllm, port.lock.plan.target
    if parse_release(used) != parse_release(target):
        message = f"proven on vLLM {used}, written for {target}"
        yield port.finding(rules.EVIDENCE_TARGET, path, message)


def _stages(port: Port, path: str, evidence: Evidence) -> Iterator[Finding]:
    """Was there a comparison at every stage, and none that failed?

    One that was not run is a note: what HF or vLLM leaves out, and why.
    """
    for stage in Stage:
        found = [item for item in evidence.stages if item.stage is stage]
        outcomes = {item.outcome for item in found}
        measured = {one.outcome for item in found for one in item.measurements}
        compared = measured - {Outcome.NOT_RUN}
        if outcomes != {Outcome.PASSED} or compared != {Outcome.PASSED}:
            message = f"says that it passed, and holds no passed comparison of stage {stage}"
            yield port.finding(rules.EVIDENCE_INCOMPLETE, path, message)


def _model(port: Port, path: str, evidence: Evidence) -> Iterator[Finding]:
    ours = port.lock.plan.architecture
    if not evidence.architecture:
        message = "does not say which architecture was compared: made by an older mmport"
        yield port.finding(rules.EVIDENCE_STALE, path, message)
    elif evidence.architecture != ours:
        message = f"compared {evidence.architecture}, and the port is for {ours}"
        yield port.finding(rules.EVIDENCE_OTHER_MODEL, path, message)


def _modules(port: Port, path: str, evidence: Evidence) -> Iterator[Finding]:
    """Is it about the modules that are there, all of them, as they are?"""
    proven = {item.path: item.sha256 for item in evidence.files}
    there = proven_paths(port.folder, port.lock)
    for module in there:
        if module not in proven:
            yield port.finding(rules.EVIDENCE_STALE, module, "the evidence is not about this file")
        elif port.texts[module] is not None and port.digest(module) != proven[module]:
            yield port.finding(rules.EVIDENCE_STALE, module, "changed since it was proven")
    for module in sorted(proven.keys() - set(there)):
        yield port.finding(rules.EVIDENCE_STALE, path, f"about {module} too, which is gone")
