from vllm.model_executor.models.llama import LlamaForCausalLM


class Finch(LlamaForCausalLM):
    # Nothing of its own yet.
    pass
