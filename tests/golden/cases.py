"""The models whose ports are committed: their specs, and how each is planned."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from mmport.core.jsonable import from_json
from mmport.generation.render import render_port
from mmport.model.plan import Layout, PortPlan
from mmport.model.spec import VlmSpec
from mmport.planning.plan import plan_port
from mmport.vllm_api.catalog import resolve_target

SPECS = Path(__file__).parent / "specs"
CASES: dict[str, tuple[str, Layout]] = {
    "blip_2_file": ("blip_2", "file"),
    "brindle": ("brindle", "plugin"),
    "corvid": ("corvid", "plugin"),
    "glm4v": ("glm4v", "plugin"),
    "glmasr": ("glmasr", "plugin"),
    "llava_next": ("llava_next", "plugin"),
    "qwen2_vl": ("qwen2_vl", "plugin"),
    "qwen3_vl": ("qwen3_vl", "plugin"),
    "clip_llama": ("clip_llama", "plugin"),
    "clip_llama_file": ("clip_llama", "file"),
    "odd_placeholder": ("odd_placeholder", "plugin"),
    "siglip_gemma2_file": ("siglip_gemma2", "file"),
    "siglip_qwen2": ("siglip_qwen2", "plugin"),
}
"""Name of the committed folder: the spec, and the layout."""


def load_spec(name: str = "clip_llama", **changes: Any) -> VlmSpec:
    """Load a committed spec, with some of its fields replaced."""
    spec = from_json((SPECS / f"{name}.json").read_bytes(), VlmSpec)
    return dataclasses.replace(spec, **changes)


def plan_of(spec: VlmSpec, layout: Layout = "plugin") -> PortPlan:
    """Plan a spec's port for the default release."""
    return plan_port(spec, resolve_target("0.32.0"), layout=layout)


def port_of(spec: VlmSpec, layout: Layout = "plugin") -> dict[str, str]:
    """Render a spec's port."""
    return render_port(plan_of(spec, layout), spec)
