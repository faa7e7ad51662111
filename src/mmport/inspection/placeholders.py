"""The image token, and how many of them an image becomes: model and processor held together."""

from __future__ import annotations

from mmport.core.errors import MalformedSource
from mmport.hub.source import ModelSource
from mmport.inspection.encoders import encoder_tokens
from mmport.inspection.notes import warning
from mmport.inspection.processors import PROCESSOR_CONFIG, ProcessorFacts, read_processor
from mmport.inspection.tokenizers import TokenizerFiles
from mmport.model.finding import Finding
from mmport.model.spec import EncoderSpec, FeatureSelection, PlaceholderSpec

DEFAULT_TOKEN = "<image>"  # noqa: S105 - no password
"""What HF's processor takes where neither its own config nor the tokenizer names a token."""


def image_placeholder(
    source: ModelSource, token_id: int, encoder: EncoderSpec, selection: FeatureSelection
) -> tuple[PlaceholderSpec, list[Finding]]:
    """Read the placeholder of a model that replaces each by one feature.

    What the processor states and the model contradicts is an error: HF itself
    refuses every image then, so there is nothing that a port could equal. What
    the processor leaves out is a warning; the model's own number stands.

    Raises:
        MalformedSource: the processor or the tokenizer contradicts the model.
    """
    processor = read_processor(source)
    token, token_findings = _token(TokenizerFiles(source), processor, token_id)
    count = encoder_tokens(encoder) - (selection == "default")
    count_findings = _check_count(processor, encoder, count)
    placeholder = PlaceholderSpec(
        modality="image", token=token, token_id=token_id, tokens_per_item=count
    )
    return placeholder, token_findings + count_findings


def _token(
    tokenizer: TokenizerFiles, processor: ProcessorFacts, token_id: int
) -> tuple[str, list[Finding]]:
    named = tokenizer.named_image_token() or processor.image_token
    spelled = tokenizer.text_of(token_id)
    token = named or spelled or DEFAULT_TOKEN
    if not token.isprintable() or token != token.strip():
        raise MalformedSource(
            f"the image token is {token[:80]!r}, which is not one printable word",
            f"mend image_token in the model's {PROCESSOR_CONFIG} or tokenizer_config.json",
        )
    if named and spelled and named != spelled:
        raise MalformedSource(
            f"the processor's image token is {named[:80]!r}, but the model's image token id "
            f"{token_id} is {spelled[:80]!r} in the tokenizer",
            "mend image_token_index in config.json, or image_token in the processor's config",
        )
    if named is None and spelled is None and tokenizer.present:
        raise MalformedSource(
            f"no file of the tokenizer says which token has the model's image token id {token_id}",
            f"name it as image_token in the model's {PROCESSOR_CONFIG}",
        )
    if named is None and token != DEFAULT_TOKEN:
        fix = f'add "image_token": "{token}" to {PROCESSOR_CONFIG}'
        message = f"HF's processor would look for {DEFAULT_TOKEN}; the model's token is {token}"
        return token, [warning("image-token-unnamed", PROCESSOR_CONFIG, message, fix)]
    return token, []


def _check_count(processor: ProcessorFacts, encoder: EncoderSpec, count: int) -> list[Finding]:
    square = (encoder.image_size, encoder.image_size)
    if processor.image_size is not None and processor.image_size != square:
        height, width = processor.image_size
        raise MalformedSource(
            f"the image processor makes images of {height}x{width} pixels, and the encoder "
            f"takes {encoder.image_size}x{encoder.image_size}",
            "mend crop_size or size in the image processor's config",
        )
    if processor.patch_size is None or processor.selection is None:
        return [
            warning(
                "processor-cannot-count",
                PROCESSOR_CONFIG,
                "the processor's config lacks patch_size or vision_feature_select_strategy, so "
                "HF's processor cannot count an image's tokens",
                f"add both to {PROCESSOR_CONFIG}; the model itself gives {count} tokens an image",
            )
        ]
    made = processor.tokens_per_image()
    if made is None or made == count:
        return []
    difference = f"HF's processor makes {made} tokens of an image, and the model {count} features"
    fix = f"mend patch_size, num_additional_image_tokens and the strategy in {PROCESSOR_CONFIG}"
    if processor.additional_tokens is None:
        return [warning("processor-miscounts", PROCESSOR_CONFIG, difference, fix)]
    raise MalformedSource(difference, fix)
