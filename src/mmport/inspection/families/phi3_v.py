"""Phi-3 and 3.5 vision, by their repos' own code, for releases with the first multimodal API.

The config says little of the encoder: the code builds it with constants, which are
read from there. For current releases the whole is read from that code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from mmport.core.errors import MalformedSource, NotPortable
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
    FeatureSpec,
    LanguageModelSpec,
    PlaceholderSpec,
    Setting,
    VlmSpec,
)
from mmport.vllm_api.catalog import Catalog

_TEXT_TYPE = "phi3"
_CONFIG_CALL = "CLIPVisionConfig"
_TOKEN = "<|image|>"  # noqa: S105 - no password
_EMBEDDING = "model.vision_embed_tokens"
_LAYOUT = {
    "use_hd_transform": True,
    "with_learnable_separator": True,
    "hd_transform_order": "sub_glb",
}
"""How the repo's code lays tiles out; it has other ways, which no published model takes."""


def _read(source: ModelSource, config: dict[str, Any], catalog: Catalog) -> Inspection:
    part, embedding = config.get("img_processor"), config.get("embd_layer")
    if not isinstance(part, dict) or not isinstance(embedding, dict):
        raise MalformedSource(
            "config.json has no img_processor or no embd_layer",
            "name a Phi-3-vision model as its authors published it",
        )
    odd = [name for name, value in _LAYOUT.items() if embedding.get(name) != value]
    if odd or part.get("type_feature", "patch") != "patch":
        raise NotPortable(
            f"its images are laid out in another way ({', '.join(odd) or 'type_feature'})",
            "name a Phi-3-vision model as its authors published it",
        )
    text = _text(config, catalog)
    encoder = _encoder(source)
    checkpoint, notes = read_tensors(source)
    spec = VlmSpec(
        schema=SPEC_SCHEMA,
        source=source.source(),
        architecture=FAMILY.architecture,
        model_type=FAMILY.model_type,
        modalities=("image",),
        encoders=(encoder,),
        features=FeatureSpec((_layer(part, encoder),), "default"),
        connector=ConnectorSpec(
            family=FAMILY.model_type,
            path=_EMBEDDING,
            input_size=4 * encoder.hidden_size,
            output_size=text.hidden_size,
            activation="gelu",
            bias=True,
        ),
        language_model=text,
        placeholders=(_placeholder(source, text),),
        merge="scatter",
        positions="rope",
        checkpoint=checkpoint,
    )
    return Inspection(spec, tuple(notes))


def _text(config: dict[str, Any], catalog: Catalog) -> LanguageModelSpec:
    """Read the language model, whose settings are the top of the config."""
    left_out = ("auto_map", "architectures", "img_processor", "embd_layer", "rope_scaling")
    plain = {key: value for key, value in config.items() if key not in left_out}
    built = hf_library.build_config(_TEXT_TYPE, plain | {"model_type": _TEXT_TYPE})
    return language_model(
        Fields(built, "config.json"),
        path="model",
        tied_embeddings=getattr(built, "tie_word_embeddings", False) is True,
        vlm_head_arithmetic=(),
        catalog=catalog,
    )


def _encoder(source: ModelSource) -> EncoderSpec:
    settings = _settings(source)
    fields = Fields(hf_library.build_config("clip_vision_model", dict(settings)), _CONFIG_CALL)
    return EncoderSpec(
        modality="image",
        family="clip",
        model_type="clip_vision_model",
        path=f"{_EMBEDDING}.img_processor",
        hidden_size=fields.count("hidden_size"),
        num_layers=fields.count("num_hidden_layers"),
        image_size=fields.side("image_size"),
        patch_size=fields.side("patch_size"),
        has_class_token=True,
        settings=settings,
    )


def _settings(source: ModelSource) -> tuple[Setting, ...]:
    """Find what the repo's code builds its encoder with: constants of one call."""
    for name in source.files:
        if name.endswith(".py") and "/" not in name:
            for call in _calls(source.read_text(name), name):
                return tuple(_constants(call, name))
    raise MalformedSource(
        f"no code of the repo has a {_CONFIG_CALL} with constants",
        "name a Phi-3-vision model as its authors published it",
    )


def _calls(text: str, name: str) -> Iterator[ast.Call]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise MalformedSource(f"{name} is no Python: {error}", "fetch the file again") from error
    for node in tree.body:
        match node:
            case ast.Assign(value=ast.Call(func=ast.Name(id=called)) as call):
                if called == _CONFIG_CALL:
                    yield call


def _constants(call: ast.Call, name: str) -> Iterator[Setting]:
    for keyword in call.keywords:
        match keyword:
            case ast.keyword(arg=str(setting), value=ast.Constant(value=value)):
                if isinstance(value, bool | int | float | str):
                    yield setting, value
                    continue
        raise MalformedSource(
            f"{_CONFIG_CALL} in {name} has a value that is no constant",
            "name a Phi-3-vision model as its authors published it",
        )


def _layer(part: dict[str, Any], encoder: EncoderSpec) -> int:
    layer = part.get("layer_idx", -2)
    last = encoder.num_layers
    if not isinstance(layer, int) or not -last - 1 <= layer <= last:
        raise MalformedSource(
            f"layer_idx {layer!r} is outside the encoder's {last + 1} hidden states",
            "mend img_processor in the model's config.json",
        )
    return layer


def _placeholder(source: ModelSource, text: LanguageModelSpec) -> PlaceholderSpec:
    """Find the token that stands for an image in the port: one that no prompt has."""
    token_id = TokenizerFiles(source).id_of(_TOKEN)
    if token_id is None or token_id >= text.vocab_size:
        raise MalformedSource(
            f"the tokenizer has no {_TOKEN} within the vocabulary of {text.vocab_size}",
            "name a Phi-3-vision model as its authors published it",
        )
    return PlaceholderSpec(modality="image", token=_TOKEN, token_id=token_id, tokens_per_item=0)


FAMILY = Family(
    architecture="Phi3VForCausalLM",
    model_type="phi3_v",
    read=_read,
    serves=lambda config: True,
    first_api_only=True,
    own_code=True,
)
