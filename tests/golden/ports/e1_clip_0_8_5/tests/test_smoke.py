# SPDX-License-Identifier: Apache-2.0
"""vLLM finds the plugin, and its class offers what the README promises.

With the environment variable MODEL set to a folder or a hub id, an image is
really described.
"""

import os
from importlib.metadata import entry_points

import pytest
from PIL import Image
from vllm import LLM, ModelRegistry, SamplingParams
from vllm.model_executor.models.interfaces import (
    supports_lora,
    supports_multimodal,
    supports_pp,
)
from vllm.plugins import load_general_plugins

from llava_vllm import ARCHITECTURE, MODEL_CLASS, register

MODEL = os.environ.get("MODEL")


def test_entry_point_leads_to_register() -> None:
    (plugin,) = entry_points(group="vllm.general_plugins", name="llava_vllm")
    assert plugin.load() is register


def test_registry_gives_the_ported_class() -> None:
    load_general_plugins()
    register()

    model_cls = ModelRegistry.models[ARCHITECTURE].load_model_cls()

    assert f"{model_cls.__module__}:{model_cls.__name__}" == MODEL_CLASS
    assert supports_multimodal(model_cls)
    assert supports_pp(model_cls)
    assert supports_lora(model_cls)


@pytest.mark.skipif(not MODEL, reason="MODEL is not set")
def test_generates_from_an_image() -> None:
    item = {"image": Image.new("RGB", (320, 240), "teal")}
    (modality,) = item
    llm = LLM(MODEL, enforce_eager=True, limit_mm_per_prompt={modality: 1})
    placeholder = "<image>"

    (output,) = llm.generate(
        {
            "prompt": f"USER: {placeholder}\nWhat is shown here? ASSISTANT:",
            "multi_modal_data": item,
        },
        SamplingParams(temperature=0, max_tokens=16),
    )

    assert output.prompt_token_ids
    assert output.outputs[0].token_ids
