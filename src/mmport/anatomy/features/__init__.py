"""What a model computes of its media, and where that goes."""
