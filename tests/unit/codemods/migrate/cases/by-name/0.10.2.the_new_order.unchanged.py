from vllm.model_executor.models.utils import _merge_multimodal_embeddings


def merged(inputs_embeds, multimodal_embeddings, is_multimodal):
    return _merge_multimodal_embeddings(inputs_embeds, multimodal_embeddings, is_multimodal)
