"""Plans a port: every choice that generation needs, each with its reason."""

from __future__ import annotations

from dataclasses import replace

from mmport.core.errors import TRY_BACKEND, NotPortable, UnknownTarget, Usage
from mmport.model.plan import ComponentPlan, Decision, Layout, PortPlan, Rename, Strategy
from mmport.model.spec import ConnectorSpec, EncoderSpec, PlaceholderSpec, VlmSpec
from mmport.planning.alternatives import choose, differences
from mmport.planning.encoders import ReusableEncoder, reusable_encoders
from mmport.planning.heads import wants_tie
from mmport.planning.language_model import decisions as language_model_decisions
from mmport.planning.language_model import language_model, language_model_plan, require_plain
from mmport.planning.legacy import plan_legacy
from mmport.planning.names import port_names
from mmport.planning.renames import port_path, text_class_renames, weight_renames
from mmport.planning.wrapped import plan_wrapped
from mmport.vllm_api.catalog import Target, load
from mmport.vllm_api.contracts import Contract, contract_of, spans
from mmport.vllm_api.legacy import legacy_contract

_CONNECTOR_REASON = (
    "its two linear layers become ColumnParallelLinear and RowParallelLinear, "
    "so that it shards and takes quantized weights"
)


def plan_port(
    spec: VlmSpec,
    target: Target,
    *,
    layout: Layout = "plugin",
    modality_plugin: str = "",
    own_text: bool = False,
) -> PortPlan:
    """Decide what a port of this model to this vLLM consists of.

    The verdict may be that a user is better served without a port; the plan is
    complete all the same. `modality_plugin` is the key of a modality of the port's own,
    which only vLLM's first multimodal API has.

    Raises:
        NotPortable: a part of the model is outside what mmport can port.
        UnknownTarget: there is no catalog of the target.
        Usage: a modality of the port's own is asked for, and the target takes none.
    """
    catalog = load(target.version)
    if contract := legacy_contract(target.era):
        return plan_legacy(
            spec,
            target,
            catalog,
            contract,
            layout=layout,
            modality_plugin=modality_plugin,
            own_text=own_text,
        )
    if modality_plugin:
        raise Usage(
            f"vLLM {target.version} takes no modalities of a port's own: plugins for them ended "
            "with 0.8.4",
            "name a release from 0.5.1 to 0.8.4 with --target-vllm",
        )
    if spec.anatomy is not None:
        return plan_wrapped(spec, spec.anatomy, target, catalog, _contract(target), layout=layout)
    tower, connector = _single_image_encoder(spec), _connector(spec)
    placeholder = _image_placeholder(spec)
    reused = _reusable(tower)
    text, served_by = language_model(spec, catalog)
    built = language_model_plan(spec, catalog)
    require_plain(built)
    verdict, alternatives = choose(spec, catalog)
    components = (
        ComponentPlan(
            role="encoder",
            strategy=Strategy.REUSE,
            hf_path=tower.path,
            vllm_path=port_path(tower.path),
            vllm_module=reused.module,
            vllm_class=reused.class_name,
        ),
        ComponentPlan(
            role="connector",
            strategy=Strategy.LOWER,
            hf_path=connector.path,
            vllm_path=port_path(connector.path),
        ),
        text,
    )
    ties_head = wants_tie(spec, text.vllm_class)
    return PortPlan(
        verdict=verdict,
        target=target.version,
        era=target.era,
        layout=layout,
        architecture=spec.architecture,
        names=port_names(spec.architecture),
        components=components,
        renames=_renames(spec, components, reused),
        placeholder=placeholder.token,
        plain_head=bool(spec.language_model.head_arithmetic),
        pipeline_parallel=served_by.supports("SupportsPP") and not ties_head,
        ties_head=ties_head,
        lora=served_by.supports("SupportsLoRA"),
        language_model=built,
        decisions=(
            Decision("target", target.version, f"era {target.era}"),
            *alternatives,
            Decision("encoder", f"{Strategy.REUSE} {reused.class_name}", reused.reason),
            Decision("connector", Strategy.LOWER.value, _CONNECTOR_REASON),
            *language_model_decisions(spec, catalog, served_by),
            *differences(spec, catalog),
        ),
    )


def plan_graft(spec: VlmSpec, target: Target) -> PortPlan:
    """Plan the port of a model whose code is to be put into a text class.

    That class is the language model: weights of it have no level of their own.

    Raises:
        NotPortable: the model's code cannot stand in another class, or as `plan_port`.
        UnknownTarget: there is no catalog of the target.
    """
    if spec.anatomy is not None:
        raise NotPortable(
            f"the encoder of {spec.architecture} comes as transformers has it, in a class of its"
            " own; rewrite puts vLLM's own encoders (CLIP, SigLIP) into a text class",
            "have the whole class written by mmport scaffold",
        )
    contract = contract_of(target.version)
    if contract is not None and not contract.takes_grafts:
        newer = next(span.first for span in spans() if span.contract.takes_grafts)
        raise NotPortable(
            f"rewrite knows no codemods for the contract of vLLM {target.version}",
            f"name {newer} or newer, or a release with the first API, with --target-vllm; or have"
            " the whole class written by mmport scaffold",
        )
    plan = plan_port(spec, target, layout="file", own_text=True)
    renames = text_class_renames(plan.renames, plan.component("language_model").vllm_path)
    plan = replace(plan, renames=renames)
    # Whatever vLLM's class for that text can do: the user's own says what it takes.
    return replace(plan, lora=True) if plan.legacy is None else plan


def _contract(target: Target) -> Contract:
    """Find what a release of the current API asks."""
    contract = contract_of(target.version)
    if contract is None:
        raise UnknownTarget(
            f"mmport knows no contract of vLLM {target.version}",
            "choose a release from 0.5.1 on with --target-vllm",
        )
    return contract


def _single_image_encoder(spec: VlmSpec) -> EncoderSpec:
    if spec.modalities != ("image",) or len(spec.encoders) != 1:
        what = ", ".join(spec.modalities) or "no modality"
        raise NotPortable(
            f"{spec.architecture} takes {what} through {len(spec.encoders)} encoders; "
            "mmport ports models with one image encoder",
            TRY_BACKEND,
        )
    return spec.encoders[0]


def _connector(spec: VlmSpec) -> ConnectorSpec:
    if spec.connector is None:
        raise NotPortable(
            f"{spec.architecture} has no connector that mmport knows",
            TRY_BACKEND,
        )
    return spec.connector


def _image_placeholder(spec: VlmSpec) -> PlaceholderSpec:
    found = [item for item in spec.placeholders if item.modality == "image"]
    if len(found) != 1 or not found[0].token:
        raise NotPortable(
            f"{spec.architecture} has {len(found)} image tokens with a text; a port needs one",
            "name the image token in the tokenizer's or the processor's config",
        )
    try:
        found[0].token.encode()
    except UnicodeEncodeError as error:
        raise NotPortable(
            f"the image token {found[0].token!r} is not valid Unicode",
            "mend the image token in the tokenizer's or the processor's config",
        ) from error
    return found[0]


def _reusable(tower: EncoderSpec) -> ReusableEncoder:
    known = reusable_encoders()
    if tower.family not in known:
        raise NotPortable(
            f"the vision tower is of family {tower.family!r}; "
            f"mmport can port {', '.join(sorted(known))}",
            TRY_BACKEND,
        )
    return known[tower.family]


def _renames(
    spec: VlmSpec, components: tuple[ComponentPlan, ...], reused: ReusableEncoder
) -> tuple[Rename, ...]:
    encoder, connector, text = (part.vllm_path for part in components)
    return weight_renames(
        encoder=encoder,
        encoder_inner=reused.inner,
        connector=connector,
        language_model=text,
        base_prefix=spec.language_model.base_prefix,
    )
