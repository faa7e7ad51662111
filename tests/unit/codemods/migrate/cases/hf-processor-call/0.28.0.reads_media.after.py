from collections.abc import Mapping

import torch
from transformers import BatchFeature
from vllm.multimodal.processing import BaseMultiModalProcessor


class Processor(BaseMultiModalProcessor):
    def _call_hf_processor(
        self,
        hf_data: Mapping[str, object],
        hf_kwargs: Mapping[str, object],
    ) -> BatchFeature:
        outputs = super()._call_hf_processor(hf_data, hf_kwargs)
        # what HF leaves out
        if (images := hf_data.get("images")) is not None:
            outputs["count"] = torch.tensor(len(images))
        return outputs
