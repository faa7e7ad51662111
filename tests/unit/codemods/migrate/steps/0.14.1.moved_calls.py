from torch import nn

from vllm.model_executor.models.mistral3 import init_vision_tower_for_llava
from vllm.multimodal.profiling import BaseDummyInputsBuilder, ProcessorInputs


class Dummies(BaseDummyInputsBuilder):
    def get_dummy_processor_inputs(self, seq_len, mm_counts, mm_options=None):
        data = self.get_dummy_mm_data(seq_len, mm_counts, mm_options)
        options = {"truncation": False}
        return ProcessorInputs(
            prompt=[1],
            mm_data=data,
            tokenization_kwargs=options,
        )


class Finch(nn.Module):
    def __init__(self, config, multimodal_config, quant_config, prefix=""):
        super().__init__()
        self.tower = init_vision_tower_for_llava(
            config,
            quant_config=quant_config,
            multimodal_config=multimodal_config,
            require_post_norm=False,
            prefix=f"{prefix}.tower",
        )
