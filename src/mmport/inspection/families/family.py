"""What a family of VLMs must tell inspection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mmport.hub.source import ModelSource
from mmport.model.finding import Finding
from mmport.model.spec import VlmSpec
from mmport.vllm_api.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Inspection:
    """A spec, and what is to be said about the source that it was read from."""

    spec: VlmSpec
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """VLMs of one HF class.

    `read` takes the model source, the config as transformers built it, and the
    catalog of the target. `serves` tells of a config whether the family's own
    tables know its parts; any other is read from its source. `originals` are the
    architectures of the same model in its authors' own code, which share the model
    type and little else. `first_api_only`: for targets of the current API it is read
    from its source, too. `own_code`: its classes are a repo's own, and its config is as
    it stands in the file.
    """

    architecture: str
    model_type: str
    read: Callable[[ModelSource, Any, Catalog], Inspection]
    serves: Callable[[Any], bool]
    originals: tuple[str, ...] = ()
    first_api_only: bool = False
    own_code: bool = False
