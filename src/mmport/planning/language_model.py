"""The language model of a port: which class of vLLM serves it, and what that class needs."""

from __future__ import annotations

from mmport.core.errors import TRY_BACKEND, NotPortable
from mmport.model.plan import ComponentPlan, Decision, LanguageModelPlan, Strategy
from mmport.model.spec import LanguageModelSpec, Setting, TextCandidate, TextValue, VlmSpec
from mmport.planning.heads import cpu_dtype, is_tied_inside_alone, rotates_heads_apart
from mmport.planning.renames import port_path
from mmport.vllm_api.catalog import Catalog, ModelClass
from mmport.vllm_api.contracts import contract_of
from mmport.vllm_api.surface.release import names_of

_STATE = ("HasInnerState", "IsAttentionFree", "IsHybrid", "SupportsMambaPrefixCaching")
"""What a class of vLLM declares that keeps a state beside the key-value cache. vLLM asks
the port for it, and would take one that does not declare it for a plain attention model."""
_STATE_METHODS = (
    "get_mamba_state_dtype_from_config",
    "get_mamba_state_shape_from_config",
    "get_mamba_state_copy_func",
)
"""By which such a class says what it keeps; a port passes them on."""
_TIE = TextValue("tie_word_embeddings", of_whole=True)


def language_model(spec: VlmSpec, catalog: Catalog) -> tuple[ComponentPlan, ModelClass]:
    """Plan the language model, and find the class of vLLM that serves it.

    Raises:
        NotPortable: vLLM serves no such text model, or not as this one needs it.
    """
    part = spec.language_model
    _check(spec, part)
    chosen, served_by = _chosen(part, catalog)
    _check_methods(chosen.architecture, served_by, catalog)
    component = ComponentPlan(
        role="language_model",
        strategy=Strategy.REUSE,
        hf_path=part.path,
        vllm_path=port_path(part.path),
        vllm_class=chosen.architecture,
    )
    return component, served_by


def language_model_plan(spec: VlmSpec, catalog: Catalog) -> LanguageModelPlan:
    """Say how the port builds its language model, and what it declares for its sake.

    Raises:
        NotPortable: vLLM serves no such text model.
    """
    chosen, served_by = _chosen(spec.language_model, catalog)
    declares = tuple(name for name in _STATE if served_by.supports(name))
    return LanguageModelPlan(
        architecture=chosen.architecture,
        settings=_settings(spec, chosen),
        rotation=chosen.rotation,
        decoder=chosen.decoder,
        declares=declares,
        state_of=(served_by.module, served_by.class_name) if declares else None,
        heads_apart=rotates_heads_apart(chosen.architecture),
    )


def require_plain(plan: LanguageModelPlan) -> None:
    """Refuse a language model that needs more than to be built from its config.

    Raises:
        NotPortable: it keeps a state, or has to be told something before or after.
    """
    needs = [
        *plan.declares,
        *(f"{name} = {_told(value)} in its config" for name, value in plan.settings),
        *([f"{plan.rotation} rotated"] if plan.rotation else []),
        *(["another rotation on the CPU"] if plan.heads_apart else []),
        *([f"{plan.decoder[1]} made known to transformers"] if plan.decoder else []),
    ]
    if needs:
        raise NotPortable(
            f"{plan.architecture} of vLLM needs more than a port of this kind gives it "
            f"({', '.join(needs)})",
            TRY_BACKEND,
        )


def decisions(spec: VlmSpec, catalog: Catalog, served_by: ModelClass) -> tuple[Decision, ...]:
    """Say what is made of the language model, and what the port cannot do because of it."""
    chosen, _ = _chosen(spec.language_model, catalog)
    choice = f"{Strategy.REUSE} {chosen.architecture}"
    made = [Decision("language model", choice, _reason(chosen, catalog))]
    others = [item for item in spec.language_model.candidates if item is not chosen]
    if others and chosen.found != "name":
        names = ", ".join(item.architecture for item in others)
        made.append(Decision("language model, else", names, "they fit as well, by their source"))
    if is_tied_inside_alone(spec):
        why = "the text config calls the head the embedding; transformers goes by the whole model's"
        made.append(Decision(f"text config's {_TIE.text}", _told(_TIE), why))
    for name, value in chosen.settings:
        why = f"vLLM's {served_by.class_name} asks the text config for it, which does not say it"
        made.append(Decision(f"text config's {name}", _told(value), why))
    if chosen.rotation:
        model_type = spec.language_model.model_type
        why = f"{model_type} rotates {chosen.rotation}, and {served_by.class_name} does not"
        made.append(Decision("rotary embedding", chosen.rotation, why))
    if rotates_heads_apart(chosen.architecture):
        why = f"vLLM's CPU kernel takes flat rows alone, and {served_by.class_name} has heads apart"
        made.append(Decision("rotary embedding on the CPU", "without vLLM's kernel", why))
    if dtype := cpu_dtype(chosen.architecture):
        why = f"vLLM's CPU kernels for {served_by.class_name} take no other"
        made.append(Decision("dtype on the CPU", dtype, why))
    declared = [name for name in _STATE if served_by.supports(name)]
    if declared:
        why = f"vLLM's {served_by.class_name} keeps a state beside the key-value cache"
        made.append(Decision("interfaces", ", ".join(declared), why))
    if not served_by.supports("SupportsPP"):
        why = f"vLLM's {served_by.class_name} cannot be split over pipeline stages"
        made.append(Decision("pipeline parallelism", "left out", why))
    if not served_by.supports("SupportsLoRA"):
        why = f"vLLM's {served_by.class_name} takes no adapters"
        made.append(Decision("LoRA", "left out", why))
    return (*made, *_head(spec))


def _settings(spec: VlmSpec, chosen: TextCandidate) -> tuple[Setting, ...]:
    tie = ((_TIE.text, _TIE),) if is_tied_inside_alone(spec) else ()
    return (*chosen.settings, *tie)


def _told(value: bool | float | str | TextValue) -> str:
    if isinstance(value, TextValue):
        return f"the whole model's {value.text}" if value.of_whole else repr(value.text)
    return f"its {value}" if isinstance(value, str) else repr(value)


def _check(spec: VlmSpec, part: LanguageModelSpec) -> None:
    """Refuse what no class of vLLM makes good."""
    if part.positions == "mrope" and spec.anatomy is None:
        raise NotPortable(
            f"the language model {part.model_type} has multimodal rotary positions",
            "mmport ports language models with one position a token",
        )
    if part.missing_arithmetic and part.logits is None:
        raise NotPortable(
            f"{spec.architecture} of transformers changes its logits by "
            f"{' and '.join(part.missing_arithmetic)}, and {part.vllm_architecture} of vLLM "
            "does not",
            TRY_BACKEND,
        )


def _check_methods(architecture: str, served_by: ModelClass, catalog: Catalog) -> None:
    """Refuse a text class that lacks a method which a port calls."""
    contract, names = contract_of(catalog.version), names_of(catalog.version)
    found = names.find(served_by.module, served_by.class_name)
    if contract is None or found is None:
        return
    wanted = {contract.embeds_text: "merge features into its text"}
    if any(served_by.supports(name) for name in _STATE):
        wanted |= dict.fromkeys(_STATE_METHODS, "say what state it keeps")
    for name, need in wanted.items():
        if names.member(found, name) is None:
            raise NotPortable(
                f"a port has to {need}, and {architecture} of vLLM {catalog.version} has no {name}",
                "choose another release with --target-vllm",
            )


def _chosen(part: LanguageModelSpec, catalog: Catalog) -> tuple[TextCandidate, ModelClass]:
    """Take the first candidate that the target has; the spec may be of another release."""
    named = part.vllm_architecture
    for item in part.candidates or ((TextCandidate(named, "name", ""),) if named else ()):
        served_by = catalog.serves_text(item.architecture) or catalog.backend(item.architecture)
        if served_by is not None:
            return item, served_by
    name = part.vllm_architecture or part.hf_architecture or part.model_type
    raise NotPortable(
        part.not_served or f"vLLM {catalog.version} registers no text model for {name}",
        "choose another release with --target-vllm, or port the language model first",
    )


def _reason(chosen: TextCandidate, catalog: Catalog) -> str:
    built = "the port builds it from the registry"
    if chosen.found != "name":
        return f"{chosen.reason}; {built}"
    if catalog.text(chosen.architecture):
        return f"vLLM registers it as a text model; {built}"
    return f"vLLM serves it as text by its Transformers backend; {built}"


def _head(spec: VlmSpec) -> tuple[Decision, ...]:
    settings = spec.language_model.head_arithmetic
    if (logits := spec.language_model.logits) is not None:
        told = {"scale": logits.scale, "soft_cap": logits.soft_cap}
        choice = ", ".join(f"{name} = {value}" for name, value in told.items() if value)
        missing = " and ".join(spec.language_model.missing_arithmetic)
        reason = f"{spec.architecture} changes its logits by {missing}, the language model does not"
        return (Decision("head", choice, reason),)
    if not settings:
        return ()
    text = spec.language_model.hf_architecture or spec.language_model.vllm_architecture
    reason = (
        f"{text} changes its logits by "
        f"{' and '.join(settings)}, and {spec.architecture} of transformers does not"
    )
    return (Decision("head", "without the language model's own", reason),)
