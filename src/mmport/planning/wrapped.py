"""Plans a port that has HF's own encoder and connector in it."""

from __future__ import annotations

from dataclasses import replace

from mmport.anatomy.features.tokens import modality_of
from mmport.core.errors import TRY_BACKEND, NotPortable
from mmport.model.plan import ComponentPlan, Decision, ItemPlan, Layout, PortPlan, Strategy
from mmport.model.spec import Anatomy, FeatureMethod, Modality, VlmSpec
from mmport.planning.alternatives import choose
from mmport.planning.broken import broken
from mmport.planning.heads import wants_tie
from mmport.planning.language_model import decisions as language_model_decisions
from mmport.planning.language_model import language_model, language_model_plan
from mmport.planning.names import port_names
from mmport.planning.older import as_named_then, check_classes, check_hooks
from mmport.planning.wrapped_weights import ENCODER, LANGUAGE_MODEL, WeightMap, wrapped_weights
from mmport.vllm_api.catalog import Catalog, Target
from mmport.vllm_api.contracts import Contract

_OF_TEXT = ("input_ids", "token_ids")
_MODALITIES: tuple[Modality, ...] = ("image", "video", "audio")
"""Whose refusal tells most, the first first."""
_WRAP_REASON = (
    "transformers' own modules, with vLLM's linear layers in them, built without the rest "
    "of the model"
)


def plan_wrapped(
    spec: VlmSpec,
    anatomy: Anatomy,
    target: Target,
    catalog: Catalog,
    contract: Contract,
    *,
    layout: Layout,
) -> PortPlan:
    """Decide what a port consists of whose encoder is HF's.

    Raises:
        NotPortable: a part of the model is outside what mmport can port.
    """
    items, left_out = _items(spec, anatomy)
    check_hooks(anatomy, items, target, contract)
    classes = check_classes(anatomy, items, target, contract)
    text, served_by = language_model(spec, catalog)
    weights = _weights(spec, anatomy, text.vllm_class)
    weights = as_named_then(weights, anatomy, target, contract)
    verdict, alternatives = choose(spec, catalog)
    ties_head = wants_tie(spec, text.vllm_class)
    encoder = ComponentPlan("encoder", Strategy.WRAP, anatomy.path, ENCODER)
    return PortPlan(
        verdict=verdict,
        target=target.version,
        era=target.era,
        layout=layout,
        architecture=spec.architecture,
        names=port_names(spec.architecture),
        components=(encoder, replace(text, vllm_path=LANGUAGE_MODEL)),
        renames=weights.renames,
        dropped=weights.dropped,
        changes=weights.changes,
        placeholder=items[0].placeholder,
        plain_head=bool(spec.language_model.head_arithmetic),
        logits=spec.language_model.logits,
        # Another rank has neither the features for its layers nor the embeddings for its head.
        pipeline_parallel=served_by.supports("SupportsPP")
        and anatomy.deepstack is None
        and not ties_head,
        ties_head=ties_head,
        lora=served_by.supports("SupportsLoRA") and not _hides_experts(text.vllm_class),
        language_model=language_model_plan(spec, catalog),
        decisions=(
            Decision("target", target.version, f"era {target.era}"),
            *alternatives,
            Decision("encoder", f"{Strategy.WRAP} {anatomy.owner}", _WRAP_REASON),
            *classes,
            *language_model_decisions(spec, catalog, served_by),
            *left_out,
        ),
        items=items,
        replaced_config=spec.model_type if spec.model_type in catalog.config_types else "",
    )


def _token_id(method: FeatureMethod) -> str:
    """Write the id at the positions of features as an expression over `config`."""
    if method.token.isdigit():
        return method.token
    return f"config.{method.token or f'{method.modality}_token_id'}"


def _hides_experts(architecture: str) -> bool:
    """Tell whether a class builds experts anew, so that adapters' names lead nowhere.

    It is vLLM's Transformers backend that does, for mixtures of experts.
    """
    return architecture.startswith("TransformersMoE")


def _weights(spec: VlmSpec, anatomy: Anatomy, served_by: str) -> WeightMap:
    """Map the checkpoint's tensors to the port's.

    Raises:
        NotPortable: one would have to be changed in a way that a port does not know.
    """
    if anatomy.weights is None:
        raise NotPortable(f"nothing is known of the weights of {spec.architecture}", TRY_BACKEND)
    base_prefix = spec.language_model.base_prefix
    return wrapped_weights(anatomy, anatomy.weights, base_prefix=base_prefix, served_by=served_by)


def _items(spec: VlmSpec, anatomy: Anatomy) -> tuple[tuple[ItemPlan, ...], tuple[Decision, ...]]:
    """Plan what a port takes, and say why it does not take the rest of what the model does.

    Raises:
        NotPortable: it could take nothing.
    """
    taken, refused = list[ItemPlan](), dict(anatomy.unread)
    for method in anatomy.methods:
        try:
            known = {name for item in taken for name in item.fields}
            taken.append(_item(method, spec, anatomy, known))
        except NotPortable as error:
            refused[method.modality] = error.what
    if not taken:
        first = next(one for one in _MODALITIES if one in refused)
        raise NotPortable(refused[first], TRY_BACKEND)
    left_out = tuple(Decision(one, "left out", reason) for one, reason in refused.items())
    return tuple(taken), left_out


def _positions_known(method: FeatureMethod, anatomy: Anatomy) -> bool:
    """Tell whether a port has all that positions depend on of a modality other than images."""
    given = {name for _, name in method.inputs} | {one.parameter for one in anatomy.position_values}
    about = {name for name in anatomy.position_inputs if modality_of([name]) == method.modality}
    return method.modality == "image" or about <= given


def _item(method: FeatureMethod, spec: VlmSpec, anatomy: Anatomy, known: set[str]) -> ItemPlan:
    """Say how a kind of item is processed; `known` are the fields of other kinds.

    Raises:
        NotPortable: a port takes no such items, the processor's source does not say
            how it takes them, or the user writes all tokens.
    """
    modality = method.modality
    if reason := broken(spec.architecture, modality):
        raise NotPortable(reason, "use a release of transformers that has mended it")
    if not _positions_known(method, anatomy):
        raise NotPortable(
            f"{spec.architecture} computes positions from more of its {modality} items "
            "than the processor hands over",
            TRY_BACKEND,
        )
    placeholder = next((one for one in spec.placeholders if one.modality == modality), None)
    if placeholder is None:
        raise NotPortable(
            f"nobody says which token stands for an {modality} of {spec.architecture}",
            TRY_BACKEND,
        )
    taken = next((one for one in spec.items if one.modality == modality), None)
    if taken is None:
        raise NotPortable(
            f"the processor of {spec.architecture} takes no {modality} items as it stands: it "
            "lacks what it asks of them",
            TRY_BACKEND,
        )
    if taken.written == "tokens":
        raise NotPortable(
            f"the processor of {spec.architecture} does not put the tokens of an item "
            "into the prompt",
            TRY_BACKEND,
        )
    if modality != "image" and any(one.written == "rewritten" for one in spec.items):
        raise NotPortable(
            f"the processor of {spec.architecture} rewrites the text beside its items, "
            "in which a port of this kind follows it for images alone",
            TRY_BACKEND,
        )
    fields = tuple(name for _, name in method.inputs)
    if told := [name for name in fields if name.endswith(_OF_TEXT)]:
        raise NotPortable(
            f"{spec.architecture} computes features from the words of the prompt "
            f"({', '.join(told)}), which vLLM does not give with an item",
            TRY_BACKEND,
        )
    renamed = tuple((name, f"{modality}_{name}") for name in fields if name in known)
    if renamed and anatomy.position_inputs:
        raise NotPortable(
            f"{spec.architecture} has one name for fields of several kinds of items "
            f"({renamed[0][0]}), from which it computes positions",
            TRY_BACKEND,
        )
    beside = (value.field for value in anatomy.position_values)
    return ItemPlan(
        modality=modality,
        placeholder=placeholder.token,
        token=taken.text,
        token_id=_token_id(method),
        argument=taken.argument,
        part=taken.part,
        fields=tuple(dict(renamed).get(name, name) for name in fields),
        position_fields=tuple(
            name for name in beside if name not in fields and modality_of([name]) == modality
        ),
        renamed=renamed,
        written=taken.written,
        counted=taken.counted,
        numbered=taken.numbered,
        framed=taken.framed,
        special_tokens=taken.special_tokens,
        nested=taken.nested,
    )
