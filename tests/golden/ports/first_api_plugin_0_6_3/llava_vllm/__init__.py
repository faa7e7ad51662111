# SPDX-License-Identifier: Apache-2.0
"""Registers LlavaForConditionalGeneration with vLLM."""

ARCHITECTURE = "LlavaForConditionalGeneration"


def register() -> None:
    """Serve the architecture with this package's class.

    vLLM calls this in each of its processes, and may do so more than once:
    registering again puts an equal entry in the place of the first.
    """
    from vllm import ModelRegistry

    from .llava import LlavaForConditionalGeneration

    # The class itself, not its name: its module also registers the modality,
    # which vLLM counts items of before it looks at the model.
    ModelRegistry.register_model(ARCHITECTURE, LlavaForConditionalGeneration)
