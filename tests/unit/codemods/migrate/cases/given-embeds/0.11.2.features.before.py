from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal


class Finch(nn.Module, SupportsMultiModal):
    merge_by_field_config = True

    def _process(self, image_input):
        if image_input["type"] == "image_embeds":
            return [image_input["data"]]  # as they are

        return [self.encode(image_input["data"])]

    def _process_audio(self, audio_input):
        if audio_input.type == "audio_embeds":
            return [audio_input.data]
        if audio_input.type == "audio":
            return [audio_input.data]
        return [audio_input]
