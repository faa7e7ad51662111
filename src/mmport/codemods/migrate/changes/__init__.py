"""The changes of vLLM's API that a file can follow, one a file, oldest first."""

from __future__ import annotations

from typing import Final

from packaging.version import Version

from mmport.codemods.migrate.changes import (
    absolute_imports,
    applies_updates,
    attention_backends,
    bundled,
    cache_arguments,
    checkpoint_names,
    data_parser,
    dropped_arguments,
    dummy_options,
    embed_input_ids,
    encoder_attention,
    encoder_lengths,
    features_by_engine,
    first_engine,
    forced_batching,
    fused_moe,
    gone_annotations,
    gone_helpers,
    hf_inputs,
    hf_processor_call,
    hf_text,
    kwargs_items,
    loaded_names,
    lora_counts,
    moved_imports,
    new_arguments,
    out_of_vocabulary,
    own_pooler,
    pooling_type,
    postprocess_prompt,
    processing_result,
    processor_cache,
    processor_inputs,
    register_processor,
    renames,
    rope_parameters,
    sampler,
    sampling_metadata,
    skipped_weights,
    token_updates,
    vision_rotary,
    wanted_arguments,
    whole_config,
)
from mmport.codemods.migrate.codemod import Codemod, distinct

_BY_RELEASE: Final = (
    own_pooler.CODEMOD,
    register_processor.CODEMOD,
    whole_config.CODEMOD,
    loaded_names.CODEMOD,
    features_by_engine.CODEMOD,
    cache_arguments.CODEMOD,
    kwargs_items.CODEMOD,
    sampling_metadata.CODEMOD,
    sampler.CODEMOD,
    first_engine.CODEMOD,
    embed_input_ids.CODEMOD,
    dummy_options.CODEMOD,
    encoder_attention.CODEMOD,
    *attention_backends.CODEMODS,
    *encoder_lengths.CODEMODS,
    *vision_rotary.CODEMODS,
    *new_arguments.CODEMODS,
    *rope_parameters.CODEMODS,
    *fused_moe.CODEMODS,
    forced_batching.CODEMOD,
    *dropped_arguments.CODEMODS,
    data_parser.CODEMOD,
    out_of_vocabulary.CODEMOD,
    pooling_type.CODEMOD,
    applies_updates.CODEMOD,
    postprocess_prompt.CODEMOD,
    skipped_weights.CODEMOD,
    token_updates.CODEMOD,
    hf_text.CODEMOD,
    *hf_inputs.CODEMODS,
    hf_processor_call.CODEMOD,
    processor_cache.CODEMOD,
    lora_counts.CODEMOD,
    *wanted_arguments.CODEMODS,
    checkpoint_names.CODEMOD,
    *renames.CODEMODS,
    *processor_inputs.CODEMODS,
    processing_result.CODEMOD,
    *bundled.CODEMODS,
)

CODEMODS: Final[tuple[Codemod, ...]] = distinct(
    (
        absolute_imports.CODEMOD,
        *sorted(_BY_RELEASE, key=lambda one: Version(one.since)),
        gone_helpers.CODEMOD,
        # Last, as all the others know names by where the file's own release has them.
        moved_imports.CODEMOD,
        gone_annotations.CODEMOD,
    )
)
"""In the order in which they are applied."""
