"""The families of VLMs that can be inspected, one entry per file."""

from __future__ import annotations

from mmport.inspection.families import llava, llava_next, phi3_v, qwen2_audio
from mmport.inspection.families.family import Family
from mmport.vllm_api.catalog import Catalog
from mmport.vllm_api.legacy import legacy_contract

_ALL = (llava.FAMILY, llava_next.FAMILY, phi3_v.FAMILY, qwen2_audio.FAMILY)


def families_for(catalog: Catalog) -> dict[str, Family]:
    """Give the families whose parts are known from tables for a target, by HF architecture."""
    first_api = legacy_contract(catalog.era) is not None
    return {one.architecture: one for one in _ALL if first_api or not one.first_api_only}
