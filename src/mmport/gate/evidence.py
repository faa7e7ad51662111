"""Is there proof of a port, and of exactly the port that is there?"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from mmport.core.files import sha256_file
from mmport.core.jsonable import from_json
from mmport.gate import rules
from mmport.gate.port import Port
from mmport.generation.lock import evidence_path, proven_paths
from mmport.model.evidence import EVIDENCE_SCHEMA, Evidence, Outcome
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
    proven = {item.path: item.sha256 for item in evidence.files}
    for module in proven_paths(port.lock):
        if module not in proven:
            yield port.finding(rules.EVIDENCE_STALE, module, "the evidence is not about this file")
        elif port.texts[module] is not None and port.digest(module) != proven[module]:
            yield port.finding(rules.EVIDENCE_STALE, module, "changed since it was proven")
    used, target = evidence.environment.vllm, port.lock.plan.target
    if parse_release(used) != parse_release(target):
        message = f"proven on vLLM {used}, written for {target}"
        yield port.finding(rules.EVIDENCE_TARGET, path, message)
