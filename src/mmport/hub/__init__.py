"""Model source to files, JSON and safetensors headers: local folders and the HuggingFace hub."""

from mmport.hub.opening import open_source
from mmport.hub.source import ModelSource

__all__ = ["ModelSource", "open_source"]
