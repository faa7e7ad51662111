from vllm.model_executor.models.llama import LlamaForCausalLM


class Finch(LlamaForCausalLM):
    def __init__(self, *, vllm_config, prefix="", layer_type=None):
        super().__init__(vllm_config=vllm_config, prefix=prefix, layer_type=layer_type)
