# vLLM 0.32.0
from vllm.model_executor.models.llava import LlavaForConditionalGeneration
from vllm.model_executor.models.utils import WeightsMapper


class MyModel(LlavaForConditionalGeneration):
    hf_to_vllm_mapper = WeightsMapper(orig_to_new_prefix={"model.tower.": "vision_tower."})
