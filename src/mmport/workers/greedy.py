"""Greedy generation by a HuggingFace model, whatever its own settings say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def generate_greedily(
    model: Any, inputs: Mapping[str, Any], new_tokens: int
) -> tuple[list[int], torch.Tensor]:
    """Let a model continue a prompt of one request by its likeliest tokens, end of text or not.

    What a checkpoint's own generation config sets (penalties, end of text) would
    otherwise fill the gaps of the one given; and some models leave generation to
    the language model inside, which has one of its own. All are put back.

    Returns:
        The new tokens, and the logits (new tokens, vocabulary) that they were
        taken from, as float32.
    """
    import torch
    from transformers import GenerationConfig

    greedy = GenerationConfig(
        do_sample=False,
        max_new_tokens=new_tokens,
        min_new_tokens=None,
        eos_token_id=None,
        pad_token_id=0,
        decoder_start_token_id=_first_token(model),
        output_logits=True,
        return_dict_in_generate=True,
    )
    speakers = [part for part in model.modules() if hasattr(part, "generation_config")]
    own = [part.generation_config for part in speakers]
    for part in speakers:
        part.generation_config = greedy
    try:
        with torch.inference_mode():
            generated = model.generate(**inputs)
    finally:
        for part, settings in zip(speakers, own, strict=True):
            part.generation_config = settings
    steps = torch.stack([step[0].float() for step in generated.logits])
    # Given embeddings in place of ids, some models return the new tokens alone.
    return generated.sequences[0, -len(steps) :].tolist(), steps


def _first_token(model: Any) -> int | None:
    """What a separate decoder begins with; nothing where there is none."""
    if model is None or not model.config.is_encoder_decoder:
        return None
    holders = (model.generation_config, model.config, model.config.get_text_config(decoder=True))
    known = (getattr(holder, "decoder_start_token_id", None) for holder in holders)
    return next((token for token in known if token is not None), None)
