"""The text part of a VLM, and the vLLM architecture that serves it."""

from __future__ import annotations

from typing import Any

from mmport.core.errors import NotPortable
from mmport.inspection import hf_library
from mmport.inspection.fields import Fields
from mmport.model.spec import LanguageModelSpec
from mmport.vllm_api.catalog import Catalog


def language_model(
    fields: Fields,
    *,
    path: str,
    tied_embeddings: bool,
    vlm_head_arithmetic: tuple[str, ...],
    catalog: Catalog,
) -> LanguageModelSpec:
    """Read a text config.

    The architecture is the one that transformers builds for the model type. A
    list in the config is asked only where transformers has none: it is often a
    leftover of the model that the weights were taken from.

    Args:
        fields: the text config.
        path: the decoder's attribute path from the top of the HF model.
        tied_embeddings: whether the whole model ties its head to the embedding.
        vlm_head_arithmetic: what the VLM's own class does to its logits.
        catalog: the vLLM release to look the architecture up in.

    Raises:
        NotPortable: the language model's positions are not plain rotary or absolute ones.
        MalformedSource: a size is missing or wrong.
    """
    model_type = str(getattr(fields.config, "model_type", ""))
    architecture = hf_library.causal_lm_architecture(model_type) or _stated(fields.config)
    rope = getattr(fields.config, "rope_parameters", None)
    if isinstance(rope, dict) and "mrope_section" in rope:
        raise NotPortable(
            f"the language model {model_type} has multimodal rotary positions",
            "mmport ports language models with one position a token",
        )
    served = architecture if architecture and catalog.serves_text(architecture) else None
    return LanguageModelSpec(
        model_type=model_type,
        path=path,
        hf_architecture=architecture,
        vllm_architecture=served,
        base_prefix=hf_library.base_prefix(model_type, architecture or ""),
        hidden_size=fields.count("hidden_size"),
        num_layers=fields.count("num_hidden_layers"),
        vocab_size=fields.count("vocab_size"),
        tied_embeddings=tied_embeddings,
        head_arithmetic=tuple(
            name
            for name in hf_library.head_arithmetic(model_type, architecture or "")
            if name not in vlm_head_arithmetic
        ),
    )


def _stated(config: Any) -> str | None:
    names = getattr(config, "architectures", None)
    if isinstance(names, list) and len(names) == 1 and isinstance(names[0], str):
        name = names[0]
        return name if name.isascii() and name.isidentifier() else None
    return None
