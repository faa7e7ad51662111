"""The text part of a VLM, and the vLLM architectures that can serve it."""

from __future__ import annotations

from typing import Any

from mmport.anatomy.classes import ModelClass, find_class
from mmport.anatomy.decoder.heads import decoder_attribute
from mmport.inspection import hf_library
from mmport.inspection.fields import Fields
from mmport.inspection.serving import Served, Text, serve
from mmport.model.logits import Logits
from mmport.model.spec import LanguageModelSpec, TextPositions
from mmport.vllm_api.catalog import Catalog

_BACKEND_ARITHMETIC = ("final_logit_softcapping", "logit_scale")
"""Settings that vLLM's Transformers backend takes from any text config, and applies."""


def language_model(
    fields: Fields,
    *,
    path: str,
    tied_embeddings: bool,
    vlm_head_arithmetic: tuple[str, ...],
    catalog: Catalog,
    vlm_logits: Logits | None = None,
    vlm_architecture: str = "",
    decoder: ModelClass | None = None,
    aside: tuple[str, ...] = (),
) -> LanguageModelSpec:
    """Read a text config, and find what serves it.

    Args:
        fields: the text config.
        path: the decoder's attribute path from the top of the HF model.
        tied_embeddings: whether the whole model ties its head to the embedding.
        vlm_head_arithmetic: what the VLM's own class does to its logits.
        vlm_logits: how vLLM's logits processor does the same, if it can.
        catalog: the vLLM release to look architectures up in.
        vlm_architecture: the VLM's class.
        decoder: the decoder's class; None for the one that transformers has for the config.
        aside: attributes of the decoder that make features and are no part of its layers.

    Raises:
        MalformedSource: a size is missing or wrong.
    """
    text = Text(fields.config, decoder, vlm_architecture, frozenset(aside))
    served = serve(text, catalog)
    first = served.candidates[0] if served.candidates else None
    arithmetic = _arithmetic(text, served, vlm_head_arithmetic)
    missing = tuple(
        name
        for name in vlm_head_arithmetic
        if first and name not in arithmetic and _changes(fields.config, name)
    )
    return LanguageModelSpec(
        model_type=text.model_type,
        path=path,
        hf_architecture=text.architecture,
        vllm_architecture=first.architecture if first else None,
        base_prefix=_base_prefix(text, served),
        hidden_size=fields.count("hidden_size"),
        num_layers=fields.count("num_hidden_layers"),
        vocab_size=fields.count("vocab_size"),
        tied_embeddings=tied_embeddings,
        tied_inside=getattr(fields.config, "tie_word_embeddings", False) is True,
        head_arithmetic=tuple(name for name in arithmetic if name not in vlm_head_arithmetic),
        missing_arithmetic=missing,
        logits=vlm_logits if missing else None,
        positions=_positions(fields.config),
        candidates=served.candidates,
        not_served=served.refusal,
    )


def _positions(config: Any) -> TextPositions:
    """Tell whether a token has one position, or one an axis of what is seen."""
    rope = getattr(config, "rope_parameters", None)
    if not isinstance(rope, dict):
        return "rope"
    nested = [value for value in rope.values() if isinstance(value, dict)]
    return "mrope" if any("mrope_section" in item for item in (rope, *nested)) else "rope"


def _changes(config: Any, name: str) -> bool:
    """Tell whether a setting has a value that makes a difference."""
    return getattr(config, name, 0) not in (None, 1, 1.0)


def _arithmetic(text: Text, served: Served, of_vlm: tuple[str, ...]) -> tuple[str, ...]:
    """Name the settings by which what serves the text changes its logits.

    What only vLLM has the source of is taken to do what the VLM's class does.
    """
    architecture = served.candidates[0].architecture if served.candidates else text.architecture
    if served.candidates and served.candidates[0].found == "backend":
        return tuple(n for n in _BACKEND_ARITHMETIC if getattr(text.config, n, None) is not None)
    if served.candidates and served.candidates[0].found == "namesake":
        return of_vlm
    model_type = _model_type(text, architecture)
    return hf_library.head_arithmetic(model_type, architecture or "") if model_type else ()


def _base_prefix(text: Text, served: Served) -> str:
    architecture = served.candidates[0].architecture if served.candidates else text.architecture
    model_type = _model_type(text, architecture)
    if model_type is None or architecture is None:
        return "model"
    module = hf_library.modeling_module(model_type)
    causal = find_class(hf_library.source_tree(), module, architecture)
    decoder = hf_library.decoder_class(model_type)
    attribute = decoder_attribute(causal, decoder) if causal and decoder else None
    return attribute or hf_library.base_prefix(model_type, architecture)


def _model_type(text: Text, architecture: str | None) -> str | None:
    """Find the model type whose module has a causal-LM class; the text's own before others."""
    if architecture is None or architecture == text.architecture:
        return text.model_type if hf_library.knows(text.model_type) else None
    return hf_library.causal_lm_types().get(architecture)
