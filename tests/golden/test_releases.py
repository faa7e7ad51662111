"""Ports to every contract, held against what its first and its last release offer."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.gate.api.check import check_source
from mmport.generation.render import render_port
from mmport.model.finding import Finding
from mmport.planning.plan import plan_port
from mmport.vllm_api.catalog import available, resolve_target
from mmport.vllm_api.contracts import span_of, spans
from tests.golden.cases import load_spec

SPECS = ("clip_llama", "siglip_qwen2", "llava_next", "qwen2_vl")
"""Each of another form: vLLM's towers, a wrapped encoder, positions of the model's own."""
NEVER_PASSED = "does not take 'attn_metadata'"
"""Declared from 0.10.0 to 0.10.2, and left out by vLLM's own classes too."""


def ends_of_contracts() -> list[str]:
    """The first and the last release of each contract."""
    ends: list[str] = []
    for span in spans():
        within = [one for one in available() if span_of(one) == span]
        ends += dict.fromkeys([within[0], within[-1]])
    return ends


@pytest.mark.parametrize("spec_name", SPECS)
@pytest.mark.parametrize("release", ends_of_contracts())
def test_a_port_uses_what_its_release_has(release: str, spec_name: str) -> None:
    assert [str(one) for one in found_in(release, spec_name)] == []


def found_in(release: str, spec_name: str) -> list[Finding]:
    """What the gate has to say of a port's model file."""
    spec = load_spec(spec_name)
    target = resolve_target(release)
    plan = plan_port(spec, target)
    text = render_port(plan, spec)[plan.model_file]
    found = check_source(Path(plan.model_file), text, (target.version,))
    return [one for one in found if NEVER_PASSED not in one.message]
