from vllm import ModelRegistry


class Finch(nn.Module):
    pass


ModelRegistry.register_model("FinchForCausalLM", Finch)
