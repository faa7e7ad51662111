"""The families of VLMs that can be inspected, one entry per file."""

from __future__ import annotations

from mmport.inspection.families import llava
from mmport.inspection.families.family import Family

FAMILIES: dict[str, Family] = {family.architecture: family for family in (llava.FAMILY,)}
"""By HF architecture."""
