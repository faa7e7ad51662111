from torch import nn

from vllm.model_executor.models.interfaces import SupportsMultiModal


class FinchForConditionalGeneration(nn.Module, SupportsMultiModal):
    def _process_image_input(self, image_input):
        if image_input["type"] == "image_embeds":
            return [image_input["data"]]  # as given

        if image_input["type"] == "pixel_values":
            return [image_input["data"]]
        return self.encoder(image_input)
