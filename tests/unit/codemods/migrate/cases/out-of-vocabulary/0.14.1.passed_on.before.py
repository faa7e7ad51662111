from torch import nn

from vllm.model_executor.models.interfaces import SupportsMultiModal


class Model(nn.Module, SupportsMultiModal):
    def embed_input_ids(
        self,
        input_ids,
        multimodal_embeddings=None,
        *,
        is_multimodal=None,
        # may exceed the vocabulary
        handle_oov_mm_token: bool = True,
    ):
        return super().embed_input_ids(
            input_ids,
            multimodal_embeddings,
            is_multimodal=is_multimodal,
            handle_oov_mm_token=handle_oov_mm_token,
        )
