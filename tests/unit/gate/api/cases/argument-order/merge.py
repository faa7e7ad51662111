# vLLM 0.32.0
from vllm.model_executor.models.utils import _merge_multimodal_embeddings


def embed(inputs_embeds, is_multimodal, multimodal_embeddings):
    return _merge_multimodal_embeddings(inputs_embeds, is_multimodal, multimodal_embeddings)  # <- _merge_multimodal_embeddings takes inputs_embeds, multimodal_embeddings, is_multimodal, in this order
