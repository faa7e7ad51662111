from typing import List, Optional

import torch
from torch import nn
from vllm.attention import AttentionMetadata
from vllm.model_executor.models.interfaces import (
    MultiModalEmbeddings,
    SupportsMultiModal,
)
from vllm.model_executor.models.utils import merge_multimodal_embeddings
from vllm.sequence import IntermediateTensors


class Finch(nn.Module, SupportsMultiModal):
    def get_multimodal_embeddings(self, **kwargs: object) -> MultiModalEmbeddings:
        # What the request has.
        image_input = self._parse(**kwargs)
        if image_input is None:
            return []

        features = self._process(image_input)
        # As the checkpoint wants them.
        return features * self.config.scale

    def get_input_embeddings(
        self,
        input_ids: torch.Tensor,
        multimodal_embeddings: MultiModalEmbeddings | None = None,
    ) -> torch.Tensor:
        inputs_embeds = self.language_model.model.get_input_embeddings(input_ids)
        if multimodal_embeddings is not None and len(multimodal_embeddings) != 0:
            inputs_embeds = merge_multimodal_embeddings(
                input_ids, inputs_embeds, multimodal_embeddings, self.config.image_token_index
            )
        return inputs_embeds

    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        kv_caches: List[torch.Tensor],
        attn_metadata: AttentionMetadata,
        intermediate_tensors: Optional[IntermediateTensors] = None,
        inputs_embeds: torch.Tensor | None = None,
        **kwargs: object,
    ):
        if intermediate_tensors is not None:
            inputs_embeds = None

        return self.language_model.model(input_ids, positions, kv_caches, attn_metadata,
                                         intermediate_tensors, inputs_embeds=inputs_embeds)


class Flat(nn.Module, SupportsMultiModal):
    def get_multimodal_embeddings(self, **kwargs: object) -> MultiModalEmbeddings:
        parsed = self._parse(**kwargs)
        if parsed is None:
            return []

        return self._process(parsed)

    def get_input_embeddings(
        self,
        input_ids: torch.Tensor,
        multimodal_embeddings: MultiModalEmbeddings | None = None,
    ) -> torch.Tensor:
        inputs_embeds = self.embed_tokens(input_ids)
        if multimodal_embeddings is not None and len(multimodal_embeddings) != 0:
            inputs_embeds = merge_multimodal_embeddings(
                input_ids, inputs_embeds, multimodal_embeddings, self.token_id
            )
        return inputs_embeds

    def forward(self, input_ids, positions, kv_caches, attn_metadata, inputs_embeds=None, **kwargs):
        return self.model(input_ids, positions, kv_caches, inputs_embeds)
