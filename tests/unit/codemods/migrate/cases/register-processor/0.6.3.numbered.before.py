from torch import nn
from vllm.inputs import INPUT_REGISTRY, token_inputs
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import merge_multimodal_embeddings
from vllm.multimodal import MULTIMODAL_REGISTRY
from vllm.multimodal.utils import cached_get_tokenizer, repeat_and_pad_token

_IMAGE_TOKEN_ID = 32044


def count_features(config, *, input_width, input_height, num_crops=None):
    return input_width * input_height // 196


def input_processor(ctx, inputs, *, num_crops=None):
    config = ctx.get_hf_image_processor_config()
    tokenizer = cached_get_tokenizer(ctx.model_config.tokenizer)
    tokens = []
    for index, image in enumerate(inputs["multi_modal_data"]["image"], 1):
        size = count_features(
            config, input_width=image.width, input_height=image.height, num_crops=num_crops
        )
        tokens += tokenizer.encode(f"<|image_{index}|>")
        tokens += repeat_and_pad_token(_IMAGE_TOKEN_ID, repeat_count=size)
    return token_inputs(prompt_token_ids=tokens, prompt=None)


@MULTIMODAL_REGISTRY.register_image_input_mapper()
@INPUT_REGISTRY.register_input_processor(input_processor)
class FinchForCausalLM(nn.Module, SupportsMultiModal):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.image_token_id = _IMAGE_TOKEN_ID

    def get_multimodal_embeddings(self, **kwargs):
        pixel_values = kwargs.pop("pixel_values", None)
        image_embeds = kwargs.pop("image_embeds", None)
        return image_embeds if pixel_values is None else self.encoder(pixel_values)

    def get_input_embeddings(self, input_ids, multimodal_embeddings=None):
        return merge_multimodal_embeddings(
            input_ids, self.embed_tokens(input_ids), multimodal_embeddings, self.image_token_id
        )
