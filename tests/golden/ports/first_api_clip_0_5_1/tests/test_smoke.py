# SPDX-License-Identifier: Apache-2.0
"""vLLM takes the class for what it is, and maps what the README promises.

With the environment variable MODEL set to a folder or a hub id, an image is
really described.
"""

import os

import pytest
from PIL import Image
from vllm import LLM, ModelRegistry, SamplingParams
from vllm.model_executor.models.interfaces import supports_vision

from llava_vllm import ARCHITECTURE, register
from llava_vllm.llava import LlavaForConditionalGeneration

MODEL = os.environ.get("MODEL")


def test_vllm_takes_the_class_for_multimodal() -> None:
    register()

    assert supports_vision(LlavaForConditionalGeneration)
    assert ARCHITECTURE in ModelRegistry.get_supported_archs()


@pytest.mark.skipif(not MODEL, reason="MODEL is not set")
def test_generates_from_an_image() -> None:
    register()
    llm = LLM(MODEL, enforce_eager=True)

    item = Image.new("RGB", (320, 240), "teal")

    (output,) = llm.generate(
        {
            "prompt": "USER: <image>\nWhat is shown here? ASSISTANT:",
            "multi_modal_data": {"image": item},
        },
        SamplingParams(temperature=0, max_tokens=16),
    )

    assert output.prompt_token_ids
    assert output.outputs[0].token_ids
