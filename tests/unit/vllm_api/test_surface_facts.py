"""What people found by hand in the releases' sources, against what the catalog drew."""

from __future__ import annotations

import pytest

from mmport.vllm_api import store
from mmport.vllm_api.frame import hooks
from mmport.vllm_api.surface.release import names_of
from mmport.vllm_api.surface.signatures import of_stub

MEMBERS = [
    ("SupportsMultiModal", "get_multimodal_embeddings", "0.6.5", "0.11.0"),
    ("SupportsMultiModal", "embed_multimodal", "0.11.1", ""),
    ("SupportsMultiModal", "get_placeholder_str", "0.9.2", ""),
    ("SupportsMultiModal", "_mark_tower_model", "0.15.0", ""),
    ("SupportsMultiModal", "configure_mm_token_handling", "0.18.0", ""),
    ("SupportsMultiModal", "supports_encoder_tp_data", "0.10.2", ""),
    ("SupportsMultiModal", "get_num_mm_encoder_tokens", "0.14.0", "0.31.0"),
    ("SupportsMultiModal", "merge_by_field_config", "0.11.0", "0.13.0"),
    ("BaseDummyInputsBuilder", "get_dummy_processor_inputs", "0.7.0", "0.30.0"),
    ("BaseMultiModalProcessor", "_get_data_parser", "0.7.0", "0.15.1"),
    ("BaseMultiModalProcessor", "_get_hf_mm_inputs", "0.31.0", ""),
    ("BaseMultiModalProcessor", "_postprocess_hf_mm_data", "0.29.0", ""),
    ("BaseMultiModalProcessor", "_hf_processor_applies_updates", "0.8.0", "0.28.0"),
    ("BaseMultiModalProcessor", "_get_hf_processor_text", "0.29.0", "0.30.0"),
    ("PromptUpdateDetails", "select_text", "0.8.4", "0.28.0"),
    ("PromptUpdateDetails", "select_token_ids", "0.15.0", ""),
    ("MultiModalRegistry", "register_image_input_mapper", "0.5.1", "0.8.4"),
    ("MultiModalRegistry", "register_plugin", "0.5.1", "0.8.4"),
    ("MultiModalRegistry", "register_processor", "0.6.4", ""),
    ("MultiModalRegistry", "init_mm_limits_per_prompt", "0.5.5", "0.10.0"),
    ("InputRegistry", "register_dummy_data", "0.5.1", "0.8.4"),
    ("InputRegistry", "register_dummy_encoder_data", "0.6.2", "0.8.4"),
]
"""Class, member, the first and the last release that has it (none: the newest has)."""

SIGNATURES = [
    ("get_mrope_input_positions", "SupportsMRoPE", "0.11.1", ("input_tokens", "mm_features")),
    ("_call_hf_processor", "BaseMultiModalProcessor", "0.9.1", ("prompt", "mm_data", "mm_kwargs")),
    ("_call_hf_processor", "BaseMultiModalProcessor", "0.31.0", ("hf_data", "hf_kwargs")),
    ("compute_logits", "VllmModelForTextGeneration", "0.11.0", ("hidden_states",)),
    ("map_input", "MultiModalRegistry", "0.6.3", ("model_config", "data", "mm_processor_kwargs")),
    ("get_dummy_mm_data", "BaseDummyInputsBuilder", "0.11.0", ("seq_len", "mm_counts")),
]


@pytest.mark.parametrize(("owner", "member", "first", "last"), MEMBERS)
def test_when_a_member_came_and_went(owner: str, member: str, first: str, last: str) -> None:
    known = store.releases()
    places = hooks(owner)[member].places
    assert known[min(places)] == first
    assert known[max(places)] == (last or known[-1])


@pytest.mark.parametrize(("method", "owner", "release", "wanted"), SIGNATURES)
def test_what_a_method_takes(
    method: str, owner: str, release: str, wanted: tuple[str, ...]
) -> None:
    names = names_of(release)
    found = [
        stub
        for part in ("vllm.multimodal", "vllm.model_executor.models")
        for module in store.subjects(part)
        if (stub := (names.module(module) or {}).get(f"{owner}.{method}"))
    ]
    read = of_stub(found[0])
    assert read is not None
    assert tuple(one.name for one in read.bound().positional) == wanted


@pytest.mark.parametrize(
    ("name", "release", "module"),
    [
        ("BaseDummyInputsBuilder", "0.14.1", "vllm.multimodal.profiling"),
        ("BaseDummyInputsBuilder", "0.15.0", "vllm.multimodal.processing"),
        ("MultiModalDataDict", "0.18.1", "vllm.multimodal.inputs"),
        ("MultiModalDataDict", "0.19.0", "vllm.inputs"),
        ("Attention", "0.11.2", "vllm.attention.layer"),
        ("Attention", "0.16.0", "vllm.model_executor.layers.attention"),
        ("SamplerOutput", "0.5.5", "vllm.sequence"),
        ("SamplerOutput", "0.6.0", "vllm.model_executor.layers.sampler"),
        ("run_dp_sharded_vision_model", "0.11.0", "vllm.model_executor.models.vision"),
    ],
)
def test_where_a_name_can_be_imported_from(name: str, release: str, module: str) -> None:
    found = names_of(release).find(module, name)
    assert found is not None
    assert found.known
