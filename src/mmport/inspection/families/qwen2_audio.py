"""Qwen2-Audio for releases with the first multimodal API: recordings through one encoder.

For current releases it is read from its source, as any other model.
"""

from __future__ import annotations

from typing import Any

from mmport.hub.source import ModelSource
from mmport.inspection import hf_library
from mmport.inspection.checkpoints import read_tensors
from mmport.inspection.families.family import Family, Inspection
from mmport.inspection.fields import Fields
from mmport.inspection.language_models import language_model
from mmport.inspection.tokenizers import TokenizerFiles
from mmport.model.spec import (
    SPEC_SCHEMA,
    ConnectorSpec,
    EncoderSpec,
    PlaceholderSpec,
    VlmSpec,
)
from mmport.vllm_api.catalog import Catalog

_TOKEN = "<|AUDIO|>"  # noqa: S105 - no password


def _read(source: ModelSource, config: Any, catalog: Catalog) -> Inspection:
    audio = Fields(config.audio_config, "audio_config")
    text = language_model(
        Fields(config.text_config, "text_config"),
        path="model.language_model",
        tied_embeddings=getattr(config, "tie_word_embeddings", False) is True,
        vlm_head_arithmetic=hf_library.head_arithmetic(FAMILY.model_type, FAMILY.architecture),
        catalog=catalog,
    )
    token_id = Fields(config, "config.json").token_id("audio_token_index")
    checkpoint, notes = read_tensors(source)
    spec = VlmSpec(
        schema=SPEC_SCHEMA,
        source=source.source(),
        architecture=FAMILY.architecture,
        model_type=FAMILY.model_type,
        modalities=("audio",),
        encoders=(_encoder(audio),),
        features=None,
        connector=ConnectorSpec(
            family=FAMILY.model_type,
            path="model.multi_modal_projector",
            input_size=audio.count("d_model"),
            output_size=text.hidden_size,
            activation="",
            bias=True,
        ),
        language_model=text,
        placeholders=(_placeholder(source, token_id),),
        merge="scatter",
        positions="rope",
        checkpoint=checkpoint,
    )
    return Inspection(spec, tuple(notes))


def _encoder(fields: Fields) -> EncoderSpec:
    """Read the encoder, which has no images to take the size of."""
    return EncoderSpec(
        modality="audio",
        family=FAMILY.model_type,
        model_type="qwen2_audio_encoder",
        path="model.audio_tower",
        hidden_size=fields.count("d_model"),
        num_layers=fields.count("encoder_layers"),
        image_size=0,
        patch_size=0,
        has_class_token=False,
    )


def _placeholder(source: ModelSource, token_id: int) -> PlaceholderSpec:
    token = TokenizerFiles(source).text_of(token_id) or _TOKEN
    return PlaceholderSpec(modality="audio", token=token, token_id=token_id, tokens_per_item=0)


def _serves(config: Any) -> bool:
    return getattr(config.audio_config, "model_type", "") == "qwen2_audio_encoder"


FAMILY = Family(
    architecture="Qwen2AudioForConditionalGeneration",
    model_type="qwen2_audio",
    read=_read,
    serves=_serves,
    first_api_only=True,
)
