# SPDX-License-Identifier: Apache-2.0
"""Registers LlavaForConditionalGeneration with vLLM."""

ARCHITECTURE = "LlavaForConditionalGeneration"
# By name, so that nothing initializes CUDA before vLLM forks its workers.
MODEL_CLASS = f"{__name__}.llava:{ARCHITECTURE}"


def register() -> None:
    """Serve the architecture with this package's class.

    vLLM calls this in each of its processes, and may do so more than once:
    registering again puts an equal entry in the place of the first.
    """
    from vllm import ModelRegistry

    ModelRegistry.register_model(ARCHITECTURE, MODEL_CLASS)
