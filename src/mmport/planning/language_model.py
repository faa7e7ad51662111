"""The language model of a port: which class of vLLM serves it, and what that class can do."""

from __future__ import annotations

from mmport.core.errors import NotPortable
from mmport.model.plan import ComponentPlan, Decision, Strategy
from mmport.model.spec import VlmSpec
from mmport.planning.renames import port_path
from mmport.vllm_api.catalog import Catalog, ModelClass

_OUT_OF_REACH = {
    "IsHybrid": "mixes attention with layers that keep a recurrent state",
    "IsAttentionFree": "has no attention",
    "HasInnerState": "keeps a state beside the key-value cache",
}
"""What a class of vLLM declares and a port does not; vLLM would take the port for
a plain attention model, and give it no room for that state."""


def language_model(spec: VlmSpec, catalog: Catalog) -> tuple[ComponentPlan, ModelClass]:
    """Plan the language model, and find the class of vLLM that serves it.

    Raises:
        NotPortable: vLLM serves no such text model, or it needs what a port does not declare.
    """
    part = spec.language_model
    served_by = part.vllm_architecture
    found = None if served_by is None else catalog.serves_text(served_by)
    if served_by is None or found is None:
        name = served_by or part.hf_architecture or part.model_type
        raise NotPortable(
            f"vLLM {catalog.version} registers no text model for {name}",
            "choose another release with --target-vllm, or port the language model first",
        )
    _refuse_state(found)
    component = ComponentPlan(
        role="language_model",
        strategy=Strategy.REUSE,
        hf_path=part.path,
        vllm_path=port_path(part.path),
        vllm_class=served_by,
    )
    return component, found


def decisions(spec: VlmSpec, catalog: Catalog, served_by: ModelClass) -> tuple[Decision, ...]:
    """Say what is made of the language model, and what the port cannot do because of it."""
    choice = f"{Strategy.REUSE} {spec.language_model.vllm_architecture}"
    made = [Decision("language model", choice, _reason(spec, catalog))]
    if not served_by.supports("SupportsPP"):
        why = f"vLLM's {served_by.class_name} cannot be split over pipeline stages"
        made.append(Decision("pipeline parallelism", "left out", why))
    if not served_by.supports("SupportsLoRA"):
        why = f"vLLM's {served_by.class_name} takes no adapters"
        made.append(Decision("LoRA", "left out", why))
    return (*made, *_head(spec))


def _refuse_state(served_by: ModelClass) -> None:
    declared = [name for name in _OUT_OF_REACH if served_by.supports(name)]
    if declared:
        raise NotPortable(
            f"vLLM's {served_by.class_name} {_OUT_OF_REACH[declared[0]]} "
            f"({', '.join(declared)}), which a port does not declare",
            "try vLLM's Transformers backend: vllm serve MODEL --model-impl transformers",
        )


def _reason(spec: VlmSpec, catalog: Catalog) -> str:
    built = "the port builds it from the registry"
    if catalog.text(str(spec.language_model.vllm_architecture)):
        return f"vLLM registers it as a text model; {built}"
    return f"vLLM serves it as text by its Transformers backend; {built}"


def _head(spec: VlmSpec) -> tuple[Decision, ...]:
    settings = spec.language_model.head_arithmetic
    if not settings:
        return ()
    reason = (
        f"{spec.language_model.hf_architecture} changes its logits by "
        f"{' and '.join(settings)}, and {spec.architecture} of transformers does not"
    )
    return (Decision("head", "without the language model's own", reason),)
