from typing import Literal

import numpy as np

from vllm.config import ModelConfig, SpeechToTextConfig
from vllm.inputs.data import PromptType
from vllm.model_executor.models.interfaces import SupportsTranscription


class FinchForSpeech(SupportsTranscription):
    @classmethod
    def get_generation_prompt(
        cls,
        audio: np.ndarray,
        model_config: ModelConfig,  # not needed here
        stt_config: SpeechToTextConfig,
        language: str | None,
        task_type: Literal["transcribe", "translate"],
        request_prompt: str,
        to_language: str | None,
    ) -> PromptType:
        audio = (audio, stt_config.sample_rate)
        task = f"<|{language}|><|{task_type}|>"
        return {"multi_modal_data": {"audio": audio}, "prompt": task}


class WrenForSpeech(SupportsTranscription):
    @classmethod
    def get_generation_prompt(cls, audio, stt_config, model_config, language, task_type,
                              request_prompt, to_language):
        # Nothing but the language matters.
        return {"prompt": f"<|{language}|>"}
