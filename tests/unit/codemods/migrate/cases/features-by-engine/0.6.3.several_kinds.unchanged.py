from torch import nn
from vllm.model_executor.models.interfaces import SupportsMultiModal
from vllm.model_executor.models.utils import merge_multimodal_embeddings


class Finch(nn.Module, SupportsMultiModal):
    def forward(self, input_ids, positions, kv_caches, attn_metadata, **kwargs):
        images = self._parse_images(**kwargs)
        videos = self._parse_videos(**kwargs)
        inputs_embeds = self.model.get_input_embeddings(input_ids)
        if images is not None:
            inputs_embeds = merge_multimodal_embeddings(
                input_ids, inputs_embeds, self._process(images), self.image_token_id
            )
        if videos is not None:
            inputs_embeds = merge_multimodal_embeddings(
                input_ids, inputs_embeds, self._process(videos), self.video_token_id
            )
        return self.model(input_ids, positions, inputs_embeds=inputs_embeds)
