class Finch(nn.Module):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        self.vision_tower = Eye()
