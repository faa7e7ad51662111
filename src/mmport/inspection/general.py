"""Any VLM that no table describes: what it is, read from its own source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mmport.anatomy.classes import ModelClass, find_class
from mmport.anatomy.decoder.heads import head_arithmetic, leaves_head_to_part
from mmport.anatomy.decoder.logits import read_logits
from mmport.anatomy.features.modeling import read_anatomy
from mmport.core.errors import MalformedSource, NotPortable
from mmport.hub.source import ModelSource
from mmport.inspection import hf_library
from mmport.inspection.checkpoints import read_tensors
from mmport.inspection.families.family import Inspection
from mmport.inspection.fields import Fields
from mmport.inspection.items import ItemReader
from mmport.inspection.language_models import language_model
from mmport.inspection.opened import OpenedModel, library_model, own_model
from mmport.inspection.registered import by_their_names
from mmport.inspection.weight_facts import read_weight_facts
from mmport.model.spec import SPEC_SCHEMA, ImportedName, VlmSpec
from mmport.vllm_api.catalog import Catalog


def read_general(
    source: ModelSource,
    config: Mapping[str, Any],
    architecture: str | None,
    catalog: Catalog,
) -> Inspection:
    """Read a model from the source of its class: transformers', or the repo's own.

    Nothing of the repo is run.

    Args:
        source: the model source.
        config: its `config.json`.
        architecture: the class's name, if that is stated.
        catalog: of the target.

    Raises:
        NotPortable: the source does not say how its features reach its text.
        MalformedSource: a value of the config, or the repo's code, is missing or wrong.
    """
    try:
        return _read(
            source, own_model(source, config) or library_model(config, architecture), catalog
        )
    except SyntaxError as error:
        raise MalformedSource(
            f"{error.filename} is not Python: {error.msg} in line {error.lineno}",
            "mend the repo's code",
        ) from error


def _read(source: ModelSource, model: OpenedModel, catalog: Catalog) -> Inspection:
    read = read_anatomy(model.tree, model.module, model.architecture, model.values)
    anatomy = by_their_names(read, model.texts, model.classes)
    top = _top(model)
    decoder = model.own_decoder(top, anatomy)
    text = language_model(
        Fields(model.text_config, "text_config"),
        path=anatomy.language_model,
        tied_embeddings=bool(getattr(model.config, "tie_word_embeddings", False)),
        vlm_head_arithmetic=_head_arithmetic(top, model.text_config),
        vlm_logits=read_logits(top),
        catalog=catalog,
        vlm_architecture=model.architecture,
        decoder=decoder,
    )
    reader = ItemReader(source, model)
    anatomy = reader.with_frames(anatomy)
    items = reader.items(anatomy)
    checkpoint, notes = read_tensors(source)
    spec = VlmSpec(
        schema=SPEC_SCHEMA,
        source=source.source(),
        architecture=model.architecture,
        model_type=model.model_type,
        modalities=tuple(method.modality for method in anatomy.methods),
        encoders=(),
        features=None,
        connector=None,
        language_model=text,
        placeholders=reader.placeholders(anatomy, items),
        merge="scatter",
        positions="rope",
        checkpoint=checkpoint,
        items=items,
        anatomy=replace(
            anatomy,
            imports=tuple(map(_public, anatomy.imports)),
            code=model.carried(anatomy),
            weights=read_weight_facts(top, anatomy, model.values),
        ),
    )
    return Inspection(spec, tuple(notes))


def _head_arithmetic(top: ModelClass, text_config: Any) -> tuple[str, ...]:
    """Name the settings by which a model's logits are changed, by itself or by a part."""
    model_type = str(getattr(text_config, "model_type", ""))
    causal = hf_library.causal_lm_architecture(model_type)
    if causal is not None and leaves_head_to_part(top):
        return hf_library.head_arithmetic(model_type, causal)
    return head_arithmetic(top)


def _public(item: ImportedName) -> ImportedName:
    """Take a name of transformers from its top, where that is how users know it."""
    inside = item.module.startswith("transformers.models.auto")
    return (
        replace(item, module="transformers") if inside and hf_library.exports(item.name) else item
    )


def _top(model: OpenedModel) -> ModelClass:
    found = find_class(model.tree, model.module, model.architecture)
    if found is None:
        raise NotPortable(
            f"the source of {model.architecture} is not there", "name a complete repo"
        )
    return found
