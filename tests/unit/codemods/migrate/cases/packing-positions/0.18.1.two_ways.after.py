import torch
from torch import nn


class FinchVisionEmbeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.position_embedding = nn.Embedding(config.num_positions, config.hidden_size)

    def forward(self, embeddings, grids=None, position_ids=None):
        if grids is not None:
            embeddings = embeddings + self.interpolated(grids)
        else:
            raise NotImplementedError("HF's model interpolates all positions")
        return embeddings


class FinchVisionModel(nn.Module):
    def load_weights(self, weights):
        params = dict(self.named_parameters())
        loaded = set()
        for name, weight in weights:
            if "packing_position_embedding" in name:
                continue
            if "head.attention" in name:
                continue
            params[name].data.copy_(weight)
            loaded.add(name)
        return loaded


class PaddleOCRVLForConditionalGeneration(nn.Module):
    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return input_ids
