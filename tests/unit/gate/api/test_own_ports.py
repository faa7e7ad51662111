"""What mmport writes for a release is what its own check of that release wants."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmport.gate.api.check import check_source
from mmport.generation.render import render_port
from mmport.model.finding import Severity
from mmport.planning.plan import plan_port
from mmport.vllm_api.catalog import Target, available, load
from mmport.vllm_api.legacy import legacy_contract
from tests.golden.cases import load_spec

FAST = {"0.5.1", "0.6.3.post1", "0.8.4"}
"""Of the first API; the later eras' ends are in `tests/golden/test_releases.py`."""
FIRST = ("clip_llama", "first_api_llava_next")
LATER = ("clip_llama", "siglip_qwen2", "llava_next", "qwen2_vl")


def every_release() -> list[object]:
    rest = pytest.mark.full(reason="renders the ports of every release")
    return [one if one in FAST else pytest.param(one, marks=rest) for one in available()]


@pytest.mark.parametrize("release", every_release())
def test_a_port_is_right_by_the_catalog_of_its_release(release: str) -> None:
    era = load(release).era
    for name in FIRST if legacy_contract(era) else LATER:
        spec = load_spec(name)
        files = render_port(plan_port(spec, Target(release, era)), spec)
        for path, text in files.items():
            if path.endswith(".py"):
                findings = check_source(Path(path), text, (release,))
                found = [one for one in findings if one.severity is Severity.ERROR]
                assert found == [], (name, path)
