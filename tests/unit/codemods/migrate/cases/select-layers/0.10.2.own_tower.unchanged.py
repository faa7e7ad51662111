from torch import nn


class FinchTower(nn.Module):
    def forward(self, pixel_values, feature_sample_layers=None):
        return pixel_values


def features(tower, pixel_values):
    return tower(pixel_values, feature_sample_layers=[-2])
