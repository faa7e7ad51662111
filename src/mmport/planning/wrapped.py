"""Plans a port that has HF's own encoder and connector in it."""

from __future__ import annotations

from dataclasses import replace

from mmport.core.errors import TRY_BACKEND, NotPortable
from mmport.model.plan import ComponentPlan, Decision, ItemPlan, Layout, PortPlan, Strategy
from mmport.model.spec import Anatomy, FeatureMethod, PlaceholderSpec, VlmSpec
from mmport.planning.alternatives import choose
from mmport.planning.language_model import decisions as language_model_decisions
from mmport.planning.language_model import language_model, language_model_plan
from mmport.planning.names import port_names
from mmport.planning.wrapped_weights import ENCODER, LANGUAGE_MODEL, WeightMap, wrapped_weights
from mmport.vllm_api.catalog import Catalog, Target

_SPLIT = "Chunk"
_OF_TEXT = ("input_ids", "token_ids")
_WRAP_REASON = (
    "transformers' own modules, with vLLM's linear layers in them, built without the rest "
    "of the model"
)


def plan_wrapped(
    spec: VlmSpec, anatomy: Anatomy, target: Target, catalog: Catalog, *, layout: Layout
) -> PortPlan:
    """Decide what a port consists of whose encoder is HF's.

    Raises:
        NotPortable: a part of the model is outside what mmport can port.
    """
    method, placeholder = _image(spec, anatomy)
    text, served_by = language_model(spec, catalog)
    weights = _weights(spec, anatomy)
    verdict, alternatives = choose(spec, catalog)
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
        placeholder=placeholder.token,
        plain_head=bool(spec.language_model.head_arithmetic),
        pipeline_parallel=served_by.supports("SupportsPP"),
        lora=served_by.supports("SupportsLoRA") and not _hides_experts(text.vllm_class),
        language_model=language_model_plan(spec, catalog),
        decisions=(
            Decision("target", target.version, f"era {target.era}"),
            *alternatives,
            Decision("encoder", f"{Strategy.WRAP} {anatomy.owner}", _WRAP_REASON),
            *language_model_decisions(spec, catalog, served_by),
            *_left_out(anatomy),
        ),
        items=(_item(method, spec),),
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


def _weights(spec: VlmSpec, anatomy: Anatomy) -> WeightMap:
    """Map the checkpoint's tensors to the port's.

    Raises:
        NotPortable: one would have to be changed in a way that a port does not know.
    """
    if anatomy.weights is None:
        raise NotPortable(f"nothing is known of the weights of {spec.architecture}", TRY_BACKEND)
    found = wrapped_weights(anatomy, anatomy.weights, base_prefix=spec.language_model.base_prefix)
    for change in found.changes:
        operations = [one.name for one in change.operations]
        if operations != [_SPLIT] or len(change.patterns) != 1:
            raise NotPortable(
                f"transformers makes tensors of {spec.architecture} anew by "
                f"{', '.join(operations)} when it loads them",
                "save the model anew with transformers' save_pretrained",
            )
    return found


def _left_out(anatomy: Anatomy) -> tuple[Decision, ...]:
    """Say which modalities the port does not take, though the model does."""
    others = [method.modality for method in anatomy.methods if method.modality != "image"]
    made = [Decision(one, "left out", "a port of this kind takes images") for one in others]
    made += [Decision(modality, "left out", reason) for modality, reason in anatomy.unread]
    return tuple(made)


def _image(spec: VlmSpec, anatomy: Anatomy) -> tuple[FeatureMethod, PlaceholderSpec]:
    methods = [method for method in anatomy.methods if method.modality == "image"]
    tokens = [item for item in spec.placeholders if item.modality == "image"]
    if not methods or not tokens:
        told = dict(anatomy.unread).get("image")
        others = " and ".join(method.modality for method in anatomy.methods)
        what = f"{spec.architecture} has features of {others}; a port of this kind takes images"
        if methods:
            what = f"nobody says which token stands for an image of {spec.architecture}"
        raise NotPortable(told or what, TRY_BACKEND)
    return methods[0], tokens[0]


def _item(method: FeatureMethod, spec: VlmSpec) -> ItemPlan:
    """Say how a kind of item is processed.

    Raises:
        NotPortable: the processor's source does not say, or the user writes all tokens.
    """
    taken = next((one for one in spec.items if one.modality == method.modality), None)
    if taken is None or taken.written == "tokens":
        raise NotPortable(
            f"the processor of {spec.architecture} does not put the tokens of an item "
            "into the prompt",
            TRY_BACKEND,
        )
    fields = tuple(name for _, name in method.inputs)
    if told := [name for name in fields if name.endswith(_OF_TEXT)]:
        raise NotPortable(
            f"{spec.architecture} computes features from the words of the prompt "
            f"({', '.join(told)}), which vLLM does not give with an item",
            TRY_BACKEND,
        )
    return ItemPlan(
        modality=method.modality,
        token=taken.text,
        token_id=_token_id(method),
        fields=fields,
        written=taken.written,
        counted=taken.counted,
        numbered=taken.numbered,
        framed=taken.framed,
        special_tokens=taken.special_tokens,
    )
