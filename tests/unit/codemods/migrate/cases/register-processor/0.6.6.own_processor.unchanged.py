from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import merge_multimodal_embeddings
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.processing import BaseMultiModalProcessor, PromptReplacement


class FinchProcessor(BaseMultiModalProcessor):
    def _get_prompt_replacements(self, mm_items, hf_inputs, mm_processor_kwargs):
        return [PromptReplacement(modality="image", target=[7], replacement=[7] * 9)]


@MULTIMODAL_REGISTRY.register_max_image_tokens(9)
@MULTIMODAL_REGISTRY.register_processor(FinchProcessor)
class FinchForConditionalGeneration(nn.Module, SupportsMultiModal):
    def get_multimodal_embeddings(self, **kwargs):
        return self.encoder(kwargs.pop("pixel_values"))

    def get_input_embeddings(self, input_ids, multimodal_embeddings=None):
        embeds = self.language_model.get_input_embeddings(input_ids)
        return merge_multimodal_embeddings(input_ids, embeds, multimodal_embeddings, 7)
