"""`mmport inspect`: model source to spec to verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmport.core.errors import NotPortable
from mmport.hub import open_source
from mmport.inspection.inspector import examine
from mmport.model.finding import Finding
from mmport.model.plan import Decision, PortPlan
from mmport.model.spec import VlmSpec
from mmport.planning.advice import advised
from mmport.planning.plan import plan_port
from mmport.vllm_api.catalog import Target, load, resolve_target
from mmport.workflows.advice import advising

INSPECT_SCHEMA = "mmport.inspect/1"
NOT_PORTABLE = "not-portable"


@dataclass(frozen=True, slots=True)
class InspectionReport:
    """A model, and what to do with it on a vLLM release.

    Exactly one of `plan` and `refusal` is there.
    """

    spec: VlmSpec
    target: Target
    plan: PortPlan | None
    refusal: NotPortable | None
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> str:
        """What a user should do, or that there is nothing to do."""
        return self.plan.verdict if self.plan else NOT_PORTABLE

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """The reasons for the verdict."""
        if self.plan is not None:
            return self.plan.decisions
        return (Decision("port", "no", self.refusal.what),) if self.refusal else ()

    def document(self) -> dict[str, Any]:
        """The JSON document of `mmport inspect`."""
        return {
            "schema": INSPECT_SCHEMA,
            "target": self.target,
            "spec": self.spec,
            "verdict": self.verdict,
            "decisions": self.decisions,
            "findings": self.findings,
        }


def inspect(
    model: str,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    target: str | None = None,
) -> InspectionReport:
    """Read a model, and decide what to do with it on a vLLM release.

    A model that can be read and not planned for is reported, not raised.

    Raises:
        UnknownTarget: mmport has no catalog of that release.
        NotPortable: the model is of no family that mmport can read.
        SourceError: the model cannot be had, or a file of it is broken.
    """
    resolved = resolve_target(target)
    source = open_source(model, revision=revision)
    with advising(source, resolved):
        seen = examine(source, resolved, trust_remote_code=trust_remote_code)
    plan, refusal = _planned(seen.spec, resolved)
    return InspectionReport(seen.spec, resolved, plan, refusal, seen.findings)


def _planned(spec: VlmSpec, target: Target) -> tuple[PortPlan | None, NotPortable | None]:
    try:
        return plan_port(spec, target), None
    except NotPortable as refusal:
        return None, advised(refusal, spec.architecture, load(target.version))
