class Finch(nn.Module):
    def forward(self, *args, **kwargs):
        return self.model(*args, **kwargs)
