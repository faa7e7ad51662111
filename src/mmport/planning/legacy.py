"""Plans ports in vLLM's first multimodal API, releases 0.5.1 to 0.8.4."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mmport.core.errors import NotPortable, Usage
from mmport.core.jsonable import from_json
from mmport.model.plan import (
    ComponentPlan,
    Decision,
    Layout,
    LegacyPlan,
    PortPlan,
    Rename,
    Strategy,
)
from mmport.model.spec import (
    ConnectorSpec,
    EncoderSpec,
    FeatureSpec,
    Modality,
    PlaceholderSpec,
    VlmSpec,
)
from mmport.planning.alternatives import choose
from mmport.planning.heads import wants_tie
from mmport.planning.language_model import decisions as language_model_decisions
from mmport.planning.language_model import language_model, language_model_plan, require_plain
from mmport.planning.names import is_identifier, port_names
from mmport.planning.renames import port_path, weight_renames
from mmport.vllm_api.catalog import Catalog, ModelClass, Target
from mmport.vllm_api.eras import parse_release
from mmport.vllm_api.legacy import LegacyContract

_ANOTHER = "choose a release of the current API with --target-vllm, 0.31 or newer"
_CONNECTOR_REASON = "its two linear layers are written out, as the release's own models do"


@dataclass(frozen=True, slots=True)
class LegacyFamily:
    """A family of models that can be written in the first API.

    Attributes:
        template: the family's.
        config_class: of transformers; `text_config` and `token_id` are attributes of it,
            empty as in `LegacyPlan`.
        modality: of its items.
        since: the first release whose transformers has it.
        inner_level: the level in the names of the encoder's weights that transformers 5
            dropped.
        tiled: the encoder's tokens are laid out as a grid, which they have to fill.
        parameters: the port's own beside its components.
        renames: of weights that only this family has, to the usual names.
        places: of encoder, connector and language model in the port, where HF's own will
            not do; `renames` are then all that there are.
        dropped: prefixes of weights that the port has no place for.
        placeholder: what a prompt has for its first item, where that is not the token.
        own_code: the model's classes are its repo's own.
    """

    template: str
    config_class: str
    text_config: str
    token_id: str
    modality: Modality
    since: str = "0.5.1"
    inner_level: str = ""
    tiled: bool = False
    parameters: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    places: tuple[str, str, str] | None = None
    dropped: tuple[str, ...] = ()
    placeholder: str = ""
    own_code: bool = False


@dataclass(frozen=True, slots=True)
class WrappedTower:
    """An encoder of transformers that is used as it is where vLLM has none."""

    module: str
    class_name: str


@dataclass(frozen=True, slots=True)
class _Known:
    families: dict[str, LegacyFamily]
    wrapped_towers: dict[str, WrappedTower]


@cache
def _known() -> _Known:
    data = files("mmport.planning") / "data" / "legacy.json"
    return from_json(data.read_bytes(), _Known)


def plan_legacy(
    spec: VlmSpec,
    target: Target,
    catalog: Catalog,
    contract: LegacyContract,
    *,
    layout: Layout,
    modality_plugin: str = "",
    own_text: bool = False,
) -> PortPlan:
    """Decide what a port of this model to an old release consists of.

    `modality_plugin` is the key of a modality of the port's own that the model's items
    are given under; empty for vLLM's. `own_text`: the language model is no class of
    vLLM's but one of the user's, which is given embeddings.

    Raises:
        NotPortable: the model, or a part of it, cannot be written in that API.
        Usage: the key of the modality is no name, or one of vLLM's own.
    """
    family = _family(spec, catalog)
    tower, connector, placeholder = _parts(spec, family, catalog)
    text, served_by = language_model(spec, catalog)
    built = language_model_plan(spec, catalog)
    require_plain(built)
    decoder = served_by.decoder or "model" if own_text else _decoder(spec, served_by, catalog)
    verdict, alternatives = choose(spec, catalog)
    encoder, encoder_reason = _encoder(tower, contract, catalog)
    components = _placed(
        family,
        encoder,
        ComponentPlan(
            role="connector",
            strategy=Strategy.LOWER,
            hf_path=connector.path,
            vllm_path=port_path(connector.path),
        ),
        text,
    )
    return PortPlan(
        verdict=verdict,
        target=target.version,
        era=target.era,
        layout=layout,
        architecture=spec.architecture,
        names=port_names(spec.architecture),
        components=components,
        renames=_renames(spec, components, family),
        placeholder=family.placeholder or placeholder.token,
        plain_head=False,
        pipeline_parallel=contract.pipeline_parallel and served_by.supports("SupportsPP"),
        lora=False,
        language_model=built,
        decisions=(
            Decision("target", target.version, f"era {target.era}, vLLM's first multimodal API"),
            *alternatives,
            Decision("encoder", f"{encoder.strategy} {encoder.vllm_class}", encoder_reason),
            Decision("connector", Strategy.LOWER.value, _CONNECTOR_REASON),
            *(
                decision
                for decision in language_model_decisions(spec, catalog, served_by)
                if decision.subject != "LoRA"
            ),
            Decision("LoRA", "left out", "a release of the first API gives it to no such model"),
        ),
        legacy=LegacyPlan(
            template=family.template,
            config_class=family.config_class,
            text_config=family.text_config,
            token_id=family.token_id,
            modality=_checked(modality_plugin, contract) or family.modality,
            tower=tower.family,
            decoder=decoder,
            plugin_class=_class_name(modality_plugin),
            text_class=None if family.text_config else (served_by.module, served_by.class_name),
            dropped=family.dropped,
            own_code=family.own_code,
        ),
    )


def _family(spec: VlmSpec, catalog: Catalog) -> LegacyFamily:
    known = _known().families
    if spec.model_type not in known or spec.anatomy is not None:
        raise NotPortable(
            f"for vLLM {catalog.version}, of the first multimodal API, mmport ports "
            f"{', '.join(sorted(known))}, and {spec.architecture} is none of these",
            _ANOTHER,
        )
    family = known[spec.model_type]
    if (parse_release(catalog.version) or ()) < (parse_release(family.since) or ()):
        raise NotPortable(
            f"the transformers of vLLM {catalog.version} has no {family.config_class}",
            f"name {family.since} or a newer release with --target-vllm",
        )
    return family


def _parts(
    spec: VlmSpec, family: LegacyFamily, catalog: Catalog
) -> tuple[EncoderSpec, ConnectorSpec, PlaceholderSpec]:
    """Give the encoder, the connector and the placeholder of a model that the family fits."""
    tower, connector = spec.encoders[0], spec.connector
    if connector is None:
        raise NotPortable(f"{spec.architecture} has no connector that mmport knows", _ANOTHER)
    if spec.features is not None:
        _check_features(spec.features, tower, family, catalog)
    if spec.language_model.head_arithmetic or wants_tie(
        spec, spec.language_model.vllm_architecture or ""
    ):
        raise NotPortable(
            f"the head of {spec.language_model.hf_architecture} is not that of "
            f"{spec.architecture}, which ports to vLLM {catalog.version} do not make good",
            _ANOTHER,
        )
    placeholders = [item for item in spec.placeholders if item.token]
    if len(placeholders) != 1:
        raise NotPortable(
            f"{spec.architecture} has {len(placeholders)} placeholders with a text; "
            "a port needs one",
            "name the placeholder in the tokenizer's or the processor's config",
        )
    return tower, connector, placeholders[0]


def _check_features(
    features: FeatureSpec, tower: EncoderSpec, family: LegacyFamily, catalog: Catalog
) -> None:
    """Refuse features of an image encoder that no old port takes."""
    if len(features.layers) != 1:
        raise NotPortable(
            f"it takes {len(features.layers)} layers of its encoder, and towers of vLLM "
            f"{catalog.version} give one",
            _ANOTHER,
        )
    fills = "default" if tower.has_class_token else "full"
    if family.tiled and features.selection != fills:
        raise NotPortable(
            f'selection "{features.selection}" of a {tower.family} encoder leaves tokens that '
            "fill no grid",
            f'say vision_feature_select_strategy "{fills}" in config.json',
        )


def _decoder(spec: VlmSpec, served_by: ModelClass, catalog: Catalog) -> str:
    if not served_by.decoder:
        raise NotPortable(
            f"{served_by.class_name} of vLLM {catalog.version}, which serves "
            f"{spec.language_model.model_type}, takes token ids and no embeddings",
            "choose a newer release with --target-vllm",
        )
    return served_by.decoder


def _encoder(
    tower: EncoderSpec, contract: LegacyContract, catalog: Catalog
) -> tuple[ComponentPlan, str]:
    """Take the release's own tower, or that of transformers where there is none."""
    own = contract.towers.get(tower.family)
    wrapped = _known().wrapped_towers.get(tower.family)
    path = port_path(tower.path)
    if own is not None:
        reason = f"vLLM {catalog.version} has one, with parallel layers"
        strategy, module, class_name = Strategy.REUSE, own.module, own.class_name
    elif wrapped is not None:
        reason = f"vLLM {catalog.version} has none that gives the features of a layer"
        strategy, module, class_name = Strategy.WRAP, wrapped.module, wrapped.class_name
    else:
        raise NotPortable(
            f"vLLM {catalog.version} has no encoder of family {tower.family!r}", _ANOTHER
        )
    component = ComponentPlan(
        role="encoder",
        strategy=strategy,
        hf_path=tower.path,
        vllm_path=path,
        vllm_module=module,
        vllm_class=class_name,
    )
    return component, reason


def _placed(family: LegacyFamily, *components: ComponentPlan) -> tuple[ComponentPlan, ...]:
    """Put components where the family wants them."""
    if family.places is None:
        return components
    return tuple(
        dataclasses.replace(part, vllm_path=place)
        for part, place in zip(components, family.places, strict=True)
    )


def _renames(
    spec: VlmSpec, components: tuple[ComponentPlan, ...], family: LegacyFamily
) -> tuple[Rename, ...]:
    encoder, connector, text = (part.vllm_path for part in components)
    own = (
        Rename(rf"^model\.{name}$", name, "Transformers 4.52 puts all below `model`.")
        for name in family.parameters
    )
    of_family = tuple(Rename(*pair, "As this family's repos have it.") for pair in family.renames)
    if family.places is not None:
        return of_family
    return (
        *of_family,
        *weight_renames(
            encoder=encoder,
            encoder_inner=family.inner_level,
            connector=connector,
            language_model=text,
            base_prefix=spec.language_model.base_prefix,
        ),
        *own,
    )


def _checked(key: str, contract: LegacyContract) -> str:
    """Give the key of a modality of the port's own, if it can be one.

    vLLM's own keys have plugins already; a second would take their place for all models.
    """
    if key in contract.modalities:
        raise Usage(
            f"{key!r} is a modality of vLLM's own",
            "choose another name for --modality-plugin, or leave it out",
        )
    if key and not is_identifier(key):
        raise Usage(
            f"{key!r} cannot be the key of a modality",
            "choose a name of letters, digits and underscores for --modality-plugin",
        )
    return key


def _class_name(key: str) -> str:
    """Name the plugin's class: `depth_map` becomes `DepthMapPlugin`."""
    return "".join(word.capitalize() for word in key.split("_")) + "Plugin" if key else ""
