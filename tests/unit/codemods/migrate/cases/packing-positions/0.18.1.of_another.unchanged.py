from torch import nn


class FinchVisionEmbeddings(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.packing_position_embedding = nn.Embedding(32768, config.hidden_size)

    def forward(self, embeddings, position_ids=None):
        if position_ids is not None:
            embeddings = embeddings + self.packing_position_embedding(position_ids)
        return embeddings


class FinchForConditionalGeneration(nn.Module):
    def load_weights(self, weights):
        return {name for name, _ in weights}
