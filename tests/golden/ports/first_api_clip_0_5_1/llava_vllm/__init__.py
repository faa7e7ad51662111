# SPDX-License-Identifier: Apache-2.0
"""Registers LlavaForConditionalGeneration with vLLM."""

ARCHITECTURE = "LlavaForConditionalGeneration"


def register() -> None:
    """Serve the architecture with this package's class, in this process.

    vLLM has no plugins in this release: call this before an engine is made.
    """
    from vllm import ModelRegistry

    from .llava import LlavaForConditionalGeneration

    ModelRegistry.register_model(ARCHITECTURE, LlavaForConditionalGeneration)
