# SPDX-License-Identifier: Apache-2.0
"""vLLM takes the class for what it is, and maps what the README promises.

With the environment variable MODEL set to a folder or a hub id, an image is
really described.
"""

import os
import sys

import pytest
from PIL import Image
from vllm import LLM, ModelRegistry, SamplingParams
from vllm.model_executor.models.interfaces import supports_multimodal

from phi3_v_vllm import ARCHITECTURE, register
from phi3_v_vllm.phi3_v import Phi3VForCausalLM

if sys.version_info < (3, 10):
    from importlib_metadata import entry_points
else:
    from importlib.metadata import entry_points

MODEL = os.environ.get("MODEL")


def test_entry_point_leads_to_register() -> None:
    (plugin,) = entry_points(group="vllm.general_plugins", name="phi3_v_vllm")
    assert plugin.load() is register


def test_vllm_takes_the_class_for_multimodal() -> None:
    register()

    assert supports_multimodal(Phi3VForCausalLM)
    assert ARCHITECTURE in ModelRegistry.get_supported_archs()
    assert ModelRegistry.is_multimodal_model([ARCHITECTURE])


@pytest.mark.skipif(not MODEL, reason="MODEL is not set")
def test_generates_from_an_image() -> None:
    register()
    llm = LLM(MODEL, enforce_eager=True, trust_remote_code=True)

    item = Image.new("RGB", (320, 240), "teal")

    (output,) = llm.generate(
        {
            "prompt": "USER: <|image_1|>\nWhat is shown here? ASSISTANT:",
            "multi_modal_data": {"image": item},
        },
        SamplingParams(temperature=0, max_tokens=16),
    )

    assert output.prompt_token_ids
    assert output.outputs[0].token_ids
