"""Whether a text class of vLLM has a head for a checkpoint that ties its own to the embeddings."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from mmport.core.errors import TRY_BACKEND, NotPortable
from mmport.core.jsonable import from_json
from mmport.model.spec import VlmSpec

_HEAD = "lm_head"


@cache
def untied_heads() -> frozenset[str]:
    """Name the text classes that give the head weights of its own, whatever a config says."""
    text = (files("mmport.planning") / "data" / "untied_heads.json").read_bytes()
    return frozenset(from_json(text, tuple[str, ...]))


def require_head(spec: VlmSpec, architecture: str) -> None:
    """Refuse a checkpoint without a head for a class that would leave its own empty.

    Raises:
        NotPortable: it is one.
    """
    tensors = spec.checkpoint.tensors if spec.checkpoint else ()
    bare = tensors and not any(_HEAD in group.pattern for group in tensors)
    if bare and spec.language_model.tied_embeddings and architecture in untied_heads():
        raise NotPortable(
            f"{spec.architecture} ties its head to its embeddings, and {architecture} of vLLM "
            "gives it weights of its own",
            TRY_BACKEND,
        )
