"""What can be asked of an engine with vLLM's first multimodal API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmport.core.errors import Usage
from mmport.engines.discover import Engines
from mmport.reference_models.facts import old_files
from mmport.vllm_api.catalog import Target, available, resolve_target
from mmport.vllm_api.eras import parse_release, release_name
from mmport.vllm_api.legacy import is_legacy

if TYPE_CHECKING:
    from mmport.workflows.verify import VerifyOptions


_BUILDS_TINY = (5, 0, 0)
"""The first transformers that does."""


def vllm_version(engines: Engines) -> str:
    """The release of vLLM's side, without the label of its build."""
    package = engines.vllm_facts.vllm
    return package.version.partition("+")[0] if package else "unknown"


def is_old(engines: Engines) -> bool:
    """Tell whether vLLM's side has the first multimodal API."""
    return is_legacy(vllm_version(engines))


def target_of(engines: Engines) -> Target:
    """Give vLLM's side as a target; the default one where there is no catalog of it."""
    version = release_name(vllm_version(engines)) or ""
    # Builds for the CPU have a `.post` of their own.
    known = (one for one in (version, version.partition(".post")[0]) if one in available())
    return resolve_target(next(known, None))


def reads_old_files(engines: Engines) -> bool:
    """Tell whether transformers of vLLM's side reads a checkpoint as transformers 4 wrote it."""
    if is_old(engines):
        return True
    package = engines.vllm_facts.transformers
    return package is not None and (parse_release(package.version) or _BUILDS_TINY) < _BUILDS_TINY


def with_torchvision(engines: Engines) -> tuple[str, ...]:
    """Name image processors that vLLM's side resizes with torchvision, whatever a file says."""
    package = engines.vllm_facts.transformers
    release = (parse_release(package.version) if package else None) or (0, 0, 0)
    since = old_files()["torchvision_since"].items()
    return tuple(name for name, first in since if (parse_release(first) or release) <= release)


def refuse_what_old_engines_lack(options: VerifyOptions, engines: Engines) -> None:
    """See that an old engine is asked for nothing that it has not.

    Raises:
        Usage: it is.
    """
    transformers = engines.hf_facts.transformers
    if (
        options.tiny
        and transformers
        and (parse_release(transformers.version) or _BUILDS_TINY) < _BUILDS_TINY
    ):
        raise Usage(
            f"tiny models are made by transformers 5, and {engines.hf} has {transformers.version}",
            "name a current engine with --hf-python, or verify a checkpoint that is there",
        )
    if not is_old(engines):
        return
    asked = {
        "--gpu": options.gpu,
        "--compiled": options.compiled,
        "--tp": options.tp > 1,
        "--impl transformers": "transformers" in options.implementations,
    }
    for option, given in asked.items():
        if given:
            raise Usage(
                f"vLLM {vllm_version(engines)} is compared on the CPU, eagerly and on one rank,"
                f" and {option} asks for something else",
                f"leave out {option}, or name a current engine with --vllm-python",
            )
