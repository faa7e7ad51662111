"""What a user should do with a model that mmport cannot port, as far as it was measured."""

from __future__ import annotations

from mmport.core.errors import TRY_BACKEND, NotPortable
from mmport.model.measured import MeasuredModel, Outcome
from mmport.planning.measured import measured_release, reference_models_of
from mmport.vllm_api.catalog import Catalog

_OWN_CLASS = "serve it with vLLM's own class: vllm serve MODEL"


def advised(refusal: NotPortable, architecture: str, catalog: Catalog) -> NotPortable:
    """Name what answers in place of a port; a refusal that has advice of its own keeps it.

    Args:
        refusal: of a model of this architecture.
        architecture: the name in its config; empty if it has none.
        catalog: of the vLLM release that the port was wanted for.
    """
    if refusal.hint != TRY_BACKEND:
        return refusal
    return NotPortable(refusal.what, _advice(architecture, catalog))


def _advice(architecture: str, catalog: Catalog) -> str:
    registered = catalog.multimodal(architecture) is not None
    measured = reference_models_of(architecture)
    if not measured or measured_release() != catalog.version:
        return _OWN_CLASS if registered else TRY_BACKEND
    own = [one.in_tree for one in measured if one.in_tree]
    seen = f"on vLLM {catalog.version}"
    if own and all(one.answers for one in own):
        return f"{_OWN_CLASS}; {seen} it answers as HF on the reference model"
    if all(one.backend.answers for one in measured):
        return f"{TRY_BACKEND}; {seen} it answers as HF on the reference model"
    limits = [*_limits("vLLM's own class", own), *_limits("the backend", _backend(measured))]
    return f"run it in transformers: {seen} nothing answers as HF does on the reference model" + (
        f" ({'; '.join(limits)})" if limits else ""
    )


def _backend(measured: tuple[MeasuredModel, ...]) -> list[Outcome]:
    return [one.backend for one in measured]


def _limits(what: str, outcomes: list[Outcome]) -> list[str]:
    """Say how an alternative did on the first reference model that it fails."""
    told = (one.told for one in outcomes if not one.answers and one.told)
    return [f"{what}: {one}" for one in told][:1]
