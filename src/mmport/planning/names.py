"""The names that a port's files are made from, each a valid identifier."""

from __future__ import annotations

import keyword
import re
import sys

from mmport.core.errors import NotPortable
from mmport.model.plan import PortNames

# What an architecture's name says beyond the family it belongs to.
_TASK_SUFFIXES = (
    "ForConditionalGeneration",
    "ForVisionText2Text",
    "ForVision2Seq",
    "ForImageTextToText",
    "ForCausalLM",
    "Model",
)
# A module of one of these names beside a script would hide what the port imports.
_IMPORTED = {"numpy", "regex", "torch", "transformers", "vllm"}
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def port_names(architecture: str) -> PortNames:
    """Derive the names of a port from the HF architecture that it serves.

    Raises:
        NotPortable: the architecture is not a plain ASCII class name. It comes
            from a config, and it becomes the name of a Python class.
    """
    if not is_identifier(architecture):
        raise NotPortable(
            f"the architecture in config.json is not a class name: {architecture!r}",
            "mend `architectures` in the model's config.json",
        )
    prefix = next(
        (
            architecture.removesuffix(suffix)
            for suffix in _TASK_SUFFIXES
            if architecture.endswith(suffix) and architecture != suffix
        ),
        architecture,
    )
    module = _snake_case(prefix)
    if not is_identifier(module) or module in sys.stdlib_module_names | _IMPORTED:
        module = f"{module}_model"
    return PortNames(
        distribution=f"{module.strip('_').replace('_', '-')}-vllm",
        package=f"{module}_vllm",
        module=module,
        class_prefix=prefix,
    )


def is_identifier(name: str) -> bool:
    """Tell whether `name` is an ASCII identifier and no keyword of Python."""
    return (
        _IDENTIFIER.match(name) is not None
        and not keyword.iskeyword(name)
        and not keyword.issoftkeyword(name)
    )


def _snake_case(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"_+", "_", words).lower()
