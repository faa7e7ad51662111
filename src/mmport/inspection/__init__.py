"""Model source to `VlmSpec`."""
