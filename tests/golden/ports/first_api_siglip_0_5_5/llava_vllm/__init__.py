# SPDX-License-Identifier: Apache-2.0
"""Registers LlavaForConditionalGeneration with vLLM."""

ARCHITECTURE = "LlavaForConditionalGeneration"


def register() -> None:
    """Serve the architecture with this package's class.

    vLLM calls this in each of its processes, and may do so more than once:
    registering again puts an equal entry in the place of the first.
    """
    from vllm import ModelRegistry
    from vllm.model_executor.models import _MULTIMODAL_MODELS

    from .llava import LlavaForConditionalGeneration

    ModelRegistry.register_model(ARCHITECTURE, LlavaForConditionalGeneration)
    # Only what stands in this table is taken for multimodal.
    _MULTIMODAL_MODELS[ARCHITECTURE] = ("llava", ARCHITECTURE)
