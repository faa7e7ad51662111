"""How the alternatives did on reference models like this one, on a real engine.

`data/measured.json` is drawn from the scoreboard.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from mmport.core.jsonable import from_json
from mmport.model.measured import Measured, MeasuredModel, Outcome
from mmport.model.spec import VlmSpec
from mmport.vllm_api.catalog import Catalog
from mmport.weights.groups import heads


@cache
def _measured() -> Measured:
    data = files("mmport.planning") / "data" / "measured.json"
    return from_json(data.read_bytes(), Measured)


def in_tree_outcome(spec: VlmSpec, catalog: Catalog) -> Outcome | None:
    """Tell how vLLM's own class did; None where that was not measured."""
    return _told([one.in_tree for one in _alike(spec) if one.in_tree], catalog)


def backend_outcome(spec: VlmSpec, catalog: Catalog) -> Outcome | None:
    """Tell how the Transformers backend did; None where that was not measured."""
    return _told([one.backend for one in _alike(spec)], catalog)


def measured_release() -> str:
    """Name the vLLM that the alternatives were measured on."""
    return _measured().vllm


def reference_models_of(architecture: str) -> tuple[MeasuredModel, ...]:
    """Give the reference models of an architecture, with what became of the alternatives."""
    return tuple(one for one in _measured().models if one.architecture == architecture)


def _alike(spec: VlmSpec) -> Sequence[MeasuredModel]:
    """Give the reference models of the architecture, with weights named alike if there are any."""
    found = reference_models_of(spec.architecture)
    if spec.checkpoint is None:
        return found
    names = heads(group.pattern for group in spec.checkpoint.tensors)
    return tuple(one for one in found if one.weights == names) or found


def _told(outcomes: Sequence[Outcome], catalog: Catalog) -> Outcome | None:
    if not outcomes:
        return None
    release = measured_release()
    right = sum(one.answers for one in outcomes)
    told = f"on vLLM {release} {right} of {len(outcomes)} reference models like it answer as HF"
    limits = [one.told for one in outcomes if one.told]
    answers = right == len(outcomes)
    if limits:
        told += f"{', but one is' if answers else ';'} {limits[0]}"
    return Outcome(answers=answers and release == catalog.version, told=told)
