from typing import List, Optional

import torch
from torch import nn
from vllm.attention import AttentionMetadata
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import merge_multimodal_embeddings
from vllm.sequence import IntermediateTensors


class Finch(nn.Module, SupportsMultiModal):
    def forward(
        self,
        input_ids: torch.Tensor,
        positions: torch.Tensor,
        kv_caches: List[torch.Tensor],
        attn_metadata: AttentionMetadata,
        intermediate_tensors: Optional[IntermediateTensors] = None,
        **kwargs: object,
    ):
        if intermediate_tensors is not None:
            input_ids = None
            inputs_embeds = None
        else:
            # What the request has.
            image_input = self._parse(**kwargs)

            if image_input is not None:
                features = self._process(image_input)
                # As the checkpoint wants them.
                features = features * self.config.scale
                inputs_embeds = self.language_model.model.get_input_embeddings(
                    input_ids)
                inputs_embeds = merge_multimodal_embeddings(
                    input_ids, inputs_embeds, features,
                    self.config.image_token_index)
                input_ids = None
            else:
                inputs_embeds = None

        return self.language_model.model(input_ids, positions, kv_caches, attn_metadata,
                                         intermediate_tensors, inputs_embeds=inputs_embeds)


class Flat(nn.Module, SupportsMultiModal):
    def forward(self, input_ids, positions, kv_caches, attn_metadata, **kwargs):
        parsed = self._parse(**kwargs)
        if parsed is not None:
            inputs_embeds = self.embed_tokens(input_ids)
            inputs_embeds = merge_multimodal_embeddings(
                input_ids, inputs_embeds, self._process(parsed), self.token_id)
        else:
            inputs_embeds = None
        return self.model(input_ids, positions, kv_caches, inputs_embeds)
