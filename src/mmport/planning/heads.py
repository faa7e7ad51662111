"""What is odd about some text classes of vLLM: their heads, of logits and attention, and dtypes."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from mmport.core.jsonable import from_json
from mmport.model.spec import VlmSpec

_HEAD = "lm_head"


def untied_heads() -> frozenset[str]:
    """Name the text classes that give the head weights of its own, whatever a config says."""
    return _listed("untied_heads.json")


def rotates_heads_apart(architecture: str) -> bool:
    """Tell whether a text class rotates (tokens, heads, head size) and no flat rows.

    vLLM's CPU kernel gives wrong values for the former (0.32.0).
    """
    return architecture in _listed("heads_apart.json")


def cpu_dtype(architecture: str) -> str:
    """Name the one dtype that a text class runs in on the CPU; empty where it takes any.

    vLLM's CPU kernels of gated delta nets take bfloat16 alone (0.32.0).
    """
    return "bfloat16" if architecture in _listed("bfloat16_on_cpu.json") else ""


@cache
def _listed(name: str) -> frozenset[str]:
    text = (files("mmport.planning") / "data" / name).read_bytes()
    return frozenset(from_json(text, tuple[str, ...]))


def wants_tie(spec: VlmSpec, architecture: str) -> bool:
    """Tell whether a checkpoint has no head, for a class that gives one weights of its own."""
    bare = _has_head(spec) is False
    return bare and spec.language_model.tied_embeddings and architecture in untied_heads()


def is_tied_inside_alone(spec: VlmSpec) -> bool:
    """Tell whether a checkpoint has a head that the text config says is the embedding."""
    text = spec.language_model
    return text.tied_inside and not text.tied_embeddings and _has_head(spec) is True


def _has_head(spec: VlmSpec) -> bool | None:
    """Tell whether a checkpoint has a head; None where its tensors are not known."""
    tensors = spec.checkpoint.tensors if spec.checkpoint else ()
    return any(_HEAD in group.pattern for group in tensors) if tensors else None
