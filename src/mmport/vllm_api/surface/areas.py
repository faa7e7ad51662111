"""How much of each part of vLLM is kept: all that a model file may touch, in full."""

from __future__ import annotations

from typing import Final

UNREAD: Final = (
    "vllm.benchmarks",
    "vllm.entrypoints",
    "vllm.model_executor.warmup",
    "vllm.models",
    "vllm.parser",
    "vllm.reasoning",
    "vllm.third_party",
    "vllm.tool_parsers",
)
"""Packages whose modules are known to be there and no more: no model is built from them."""

WITHOUT_MEMBERS: Final = (
    "vllm.compilation",
    "vllm.core",
    "vllm.distributed.ec_transfer",
    "vllm.distributed.eplb",
    "vllm.distributed.kv_transfer",
    "vllm.engine",
    "vllm.executor",
    "vllm.lora",
    "vllm.model_executor.kernels",
    "vllm.renderers",
    "vllm.spec_decode",
    "vllm.v1.core",
    "vllm.v1.engine",
    "vllm.v1.executor",
    "vllm.v1.hisparse",
    "vllm.v1.kv_offload",
    "vllm.v1.metrics",
    "vllm.v1.spec_decode",
    "vllm.v1.worker",
    "vllm.worker",
)
"""Packages of which only what modules bind is kept, not what is in their classes."""

ANNOTATED: Final = (
    "vllm.inputs",
    "vllm.model_executor.models.interfaces",
    "vllm.model_executor.models.interfaces_base",
    "vllm.multimodal",
)
"""Packages whose signatures keep their types: the contract that a model class fulfils."""


def lies_in(module: str, packages: tuple[str, ...]) -> bool:
    """Tell whether a module is one of some packages or lies below one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def area_of(module: str) -> str:
    """Name the part of vLLM whose file of the catalog a module stands in."""
    parts = module.split(".")
    return ".".join(parts[: 3 if parts[1:2] in (["model_executor"], ["v1"]) else 2])
