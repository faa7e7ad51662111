class Finch(nn.Module):
    def __init__(self, *, vllm_config, prefix=""):
        super().__init__()
        with self._mark_tower_model(vllm_config, "image"):
            self.eye = Eye()
