# SPDX-License-Identifier: Apache-2.0
"""vLLM takes the class for what it is, and maps what the README promises.

With the environment variable MODEL set to a folder or a hub id, a recording is
really heard.
"""

import os
import sys

import numpy as np
import pytest
from vllm import LLM, ModelRegistry, SamplingParams
from vllm.model_executor.models.interfaces import supports_multimodal

from qwen2_audio_vllm import ARCHITECTURE, register
from qwen2_audio_vllm.qwen2_audio import Qwen2AudioForConditionalGeneration

if sys.version_info < (3, 10):
    from importlib_metadata import entry_points
else:
    from importlib.metadata import entry_points

MODEL = os.environ.get("MODEL")


def test_entry_point_leads_to_register() -> None:
    (plugin,) = entry_points(group="vllm.general_plugins", name="qwen2_audio_vllm")
    assert plugin.load() is register


def test_vllm_takes_the_class_for_multimodal() -> None:
    register()

    assert supports_multimodal(Qwen2AudioForConditionalGeneration)
    assert ARCHITECTURE in ModelRegistry.get_supported_archs()
    assert ModelRegistry.is_multimodal_model([ARCHITECTURE])


@pytest.mark.skipif(not MODEL, reason="MODEL is not set")
def test_generates_from_a_recording() -> None:
    register()
    llm = LLM(MODEL, enforce_eager=True)

    item = (np.sin(np.arange(16000) / 8), 16000)

    (output,) = llm.generate(
        {
            "prompt": "USER: <|AUDIO|>\nWhat is heard here? ASSISTANT:",
            "multi_modal_data": {"audio": item},
        },
        SamplingParams(temperature=0, max_tokens=16),
    )

    assert output.prompt_token_ids
    assert output.outputs[0].token_ids
