class Finch(nn.Module):
    def embed_multimodal(self, **kwargs):
        return []
