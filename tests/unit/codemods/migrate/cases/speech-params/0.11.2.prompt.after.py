from vllm.config.speech_to_text import SpeechToTextParams
from vllm.inputs.data import PromptType
from vllm.model_executor.models.interfaces import SupportsTranscription


class FinchForSpeech(SupportsTranscription):
    @classmethod
    def get_generation_prompt(
        cls,
        stt_params: SpeechToTextParams,
    ) -> PromptType:
        # model_config: not needed here
        audio = stt_params.audio
        stt_config = stt_params.stt_config
        language = stt_params.language
        task_type = stt_params.task_type
        audio = (audio, stt_config.sample_rate)
        task = f"<|{language}|><|{task_type}|>"
        return {"multi_modal_data": {"audio": audio}, "prompt": task}


class WrenForSpeech(SupportsTranscription):
    @classmethod
    def get_generation_prompt(cls, stt_params: SpeechToTextParams):
        language = stt_params.language
        # Nothing but the language matters.
        return {"prompt": f"<|{language}|>"}
