"""What every test of a rewrite asks for: LLaVA's code, from a port, to go into class `Finch`."""

from __future__ import annotations

from functools import cache

from mmport.codemods.rewrite.graft import Graft
from mmport.codemods.rewrite.step import Rewriting
from mmport.generation.rewriting import graft_of
from mmport.planning.plan import plan_graft
from mmport.vllm_api.catalog import resolve_target
from tests.golden.cases import load_spec

ARCHITECTURE = "LlavaForConditionalGeneration"
TARGETS = {"current": "0.32.0", "first": "0.6.3.post1", "given embeddings": "0.6.4.post1"}
"""By contract, a release that has it."""


@cache
def llava_graft(target: str) -> Graft:
    """What the port of a committed spec has for a text class."""
    spec = load_spec("clip_llama")
    return graft_of(plan_graft(spec, resolve_target(target)), spec)


def rewriting(contract: str = "current", **changes: object) -> Rewriting:
    values: dict[str, object] = {
        "class_name": "Finch",
        "graft": llava_graft(TARGETS[contract]),
        "architecture": ARCHITECTURE,
    }
    return Rewriting(**(values | changes))  # type: ignore[arg-type]
