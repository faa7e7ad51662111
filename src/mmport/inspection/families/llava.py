"""LLaVA-1.5: one image encoder, a two-layer connector, features scattered over placeholders."""

from __future__ import annotations

import dataclasses
from typing import Any

from mmport.core.errors import MalformedSource
from mmport.hub.source import ModelSource
from mmport.inspection import hf_library
from mmport.inspection.checkpoints import read_checkpoint
from mmport.inspection.encoders import (
    encoder_families,
    encoder_tokens,
    image_encoder,
    is_known_encoder,
)
from mmport.inspection.families.family import Family, Inspection
from mmport.inspection.fields import Fields
from mmport.inspection.language_models import language_model
from mmport.inspection.placeholders import image_placeholder
from mmport.model.spec import (
    SPEC_SCHEMA,
    ConnectorSpec,
    EncoderSpec,
    FeatureSelection,
    FeatureSpec,
    LanguageModelSpec,
    VlmSpec,
)
from mmport.vllm_api.catalog import Catalog

_ENCODER = "model.vision_tower"
_CONNECTOR = "model.multi_modal_projector"
_LANGUAGE_MODEL = "model.language_model"

_SELECTIONS: dict[str, FeatureSelection] = {"default": "default", "full": "full"}


def read_like_llava(
    source: ModelSource,
    config: Any,
    catalog: Catalog,
    *,
    architecture: str,
    model_type: str,
    varying: bool = False,
) -> Inspection:
    """Read a model with LLaVA's parts.

    Args:
        source: the model source.
        config: its config, as transformers built it.
        catalog: of the target.
        architecture: of HF.
        model_type: of HF.
        varying: how many tokens an image becomes depends on its size.

    Raises:
        NotPortable: the encoder or the language model is of no known kind.
        MalformedSource: the config or the processor's contradicts itself.
    """
    fields = Fields(config, "config.json")
    encoder = image_encoder(Fields(config.vision_config, "vision_config"), path=_ENCODER)
    text = language_model(
        Fields(config.text_config, "text_config"),
        path=_LANGUAGE_MODEL,
        tied_embeddings=fields.flag("tie_word_embeddings"),
        vlm_head_arithmetic=hf_library.head_arithmetic(model_type, architecture),
        catalog=catalog,
    )
    features = _features(fields, encoder)
    token_id = _token_id(fields, text)
    placeholder, notes = image_placeholder(source, token_id, encoder, features.selection)
    if varying:
        placeholder = dataclasses.replace(placeholder, tokens_per_item=0)
    checkpoint, more_notes = read_checkpoint(
        source,
        encoder_path=_ENCODER,
        inner=encoder_families()[encoder.family].inner_level,
    )
    spec = VlmSpec(
        schema=SPEC_SCHEMA,
        source=source.source(),
        architecture=architecture,
        model_type=model_type,
        modalities=("image",),
        encoders=(encoder,),
        features=features,
        connector=_connector(fields, encoder, features, text),
        language_model=text,
        placeholders=(placeholder,),
        merge="scatter",
        positions="rope",
        checkpoint=checkpoint,
    )
    return Inspection(spec, (*notes, *more_notes))


def _read(source: ModelSource, config: Any, catalog: Catalog) -> Inspection:
    return read_like_llava(
        source, config, catalog, architecture=FAMILY.architecture, model_type=FAMILY.model_type
    )


def _features(fields: Fields, encoder: EncoderSpec) -> FeatureSpec:
    layers = fields.indices("vision_feature_layer")
    last = encoder.num_layers
    for layer in layers:
        if not -last - 1 <= layer <= last:
            raise MalformedSource(
                f"vision_feature_layer {layer} is outside the encoder's {last + 1} hidden states",
                "mend vision_feature_layer in the model's config.json",
            )
    stated = fields.word("vision_feature_select_strategy")
    if stated not in _SELECTIONS:
        raise fields.wrong("vision_feature_select_strategy", stated, "default or full")
    selection = _SELECTIONS[stated]
    if selection == "default" and encoder_tokens(encoder) < 2:
        raise MalformedSource(
            'the encoder makes one token of an image, and selection "default" drops it',
            "mend image_size or patch_size in the model's config.json",
        )
    return FeatureSpec(layers=layers, selection=selection)


def _connector(
    fields: Fields, encoder: EncoderSpec, features: FeatureSpec, text: LanguageModelSpec
) -> ConnectorSpec:
    activation = fields.word("projector_hidden_act")
    if activation not in hf_library.activations():
        raise fields.wrong("projector_hidden_act", activation, "an activation of transformers")
    return ConnectorSpec(
        family="llava",
        path=_CONNECTOR,
        input_size=encoder.hidden_size * len(features.layers),
        output_size=text.hidden_size,
        activation=activation,
        bias=fields.flag("multimodal_projector_bias"),
    )


def _token_id(fields: Fields, text: LanguageModelSpec) -> int:
    token_id = fields.token_id("image_token_index")
    if token_id >= text.vocab_size:
        raise MalformedSource(
            f"image_token_index is {token_id}, outside the vocabulary of {text.vocab_size}",
            "mend image_token_index, or vocab_size of text_config, in the model's config.json",
        )
    return token_id


def serves(config: Any) -> bool:
    """Tell whether the tables know a config's encoder."""
    return is_known_encoder(str(getattr(config.vision_config, "model_type", "")))


FAMILY = Family(
    architecture="LlavaForConditionalGeneration",
    model_type="llava",
    read=_read,
    serves=serves,
    originals=("LlavaLlamaForCausalLM", "LlavaMistralForCausalLM", "LlavaQwenForCausalLM"),
)
