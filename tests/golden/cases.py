"""The models whose ports are committed: their specs, and how each is planned."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

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


class OldPort(NamedTuple):
    """A port to another release than the default one."""

    spec: str
    target: str
    layout: Layout = "plugin"
    modality_plugin: str = ""


OLD_CASES = {
    "e1_clip_0_8_5": OldPort("clip_llama", "0.8.5"),
    "e3_siglip_0_11_0": OldPort("siglip_qwen2", "0.11.0", "file"),
    "e4_qwen2_vl_0_12": OldPort("qwen2_vl", "0.12.0", "file"),
    "e5_clip_0_14": OldPort("clip_llama", "0.14.1", "file"),
    "e6_next_0_18": OldPort("llava_next", "0.18.0", "file"),
    "e8_next_0_30": OldPort("llava_next", "0.30.0", "file"),
    "first_api_audio_0_6_4": OldPort("first_api_qwen2_audio", "0.6.4.post1"),
    "first_api_clip_0_5_1": OldPort("clip_llama", "0.5.1"),
    "first_api_clip_0_6_3": OldPort("clip_llama", "0.6.3.post1"),
    "first_api_clip_0_6_4": OldPort("clip_llama", "0.6.4.post1", "file"),
    "first_api_clip_0_8_4": OldPort("clip_llama", "0.8.4"),
    "first_api_next_0_6_3": OldPort("first_api_llava_next", "0.6.3.post1", "file"),
    "first_api_phi3_v_0_6_3": OldPort("first_api_phi3_v", "0.6.3.post1"),
    "first_api_plugin_0_6_3": OldPort("clip_llama", "0.6.3.post1", modality_plugin="thermal"),
    "first_api_siglip_0_5_5": OldPort("first_api_siglip_llama", "0.5.5"),
}
"""Name of the committed folder, beside those of `CASES`."""


def old_plan(case: str) -> PortPlan:
    """Plan one of `OLD_CASES`."""
    port = OLD_CASES[case]
    return plan_port(
        load_spec(port.spec),
        resolve_target(port.target),
        layout=port.layout,
        modality_plugin=port.modality_plugin,
    )


def old_port(case: str) -> dict[str, str]:
    """Render one of `OLD_CASES`."""
    return render_port(old_plan(case), load_spec(OLD_CASES[case].spec))


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
