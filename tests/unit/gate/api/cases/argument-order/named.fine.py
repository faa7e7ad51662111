# vLLM 0.32.0
from vllm.model_executor.models.utils import _merge_multimodal_embeddings


def embed(embeds, mask, features):
    named = _merge_multimodal_embeddings(
        embeds, is_multimodal=mask, multimodal_embeddings=features
    )
    return _merge_multimodal_embeddings(named, features, mask)
