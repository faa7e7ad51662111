"""Refusals of a model's source, with what else serves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mmport.core.errors import NotPortable
from mmport.hub.source import ModelSource
from mmport.inspection.inspector import CONFIG
from mmport.planning.advice import advised
from mmport.vllm_api.catalog import Target, load


@contextmanager
def advising(source: ModelSource, target: Target) -> Iterator[None]:
    """Inside the block, a refusal of this model says what a user can do instead."""
    try:
        yield
    except NotPortable as refusal:
        names = source.read_json(CONFIG).get("architectures") if source.has(CONFIG) else None
        architecture = names[0] if isinstance(names, list) and names else ""
        raise advised(refusal, str(architecture), load(target.version)) from None
