"""LLaVA-NeXT for releases with the first multimodal API: LLaVA's parts, an image in tiles.

For current releases it is read from its source, as any other model.
"""

from __future__ import annotations

from typing import Any

from mmport.hub.source import ModelSource
from mmport.inspection.families.family import Family, Inspection
from mmport.inspection.families.llava import read_like_llava, serves
from mmport.vllm_api.catalog import Catalog


def _read(source: ModelSource, config: Any, catalog: Catalog) -> Inspection:
    return read_like_llava(
        source,
        config,
        catalog,
        architecture=FAMILY.architecture,
        model_type=FAMILY.model_type,
        varying=True,
    )


FAMILY = Family(
    architecture="LlavaNextForConditionalGeneration",
    model_type="llava_next",
    read=_read,
    serves=serves,
    first_api_only=True,
)
