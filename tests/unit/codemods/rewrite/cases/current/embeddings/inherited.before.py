from vllm.model_executor.models.llama import LlamaForCausalLM


class Finch(LlamaForCausalLM):
    def sing(self):
        return "tweet"
