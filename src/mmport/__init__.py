"""Ports HuggingFace vision-language models to vLLM and proves the ports right."""

__version__ = "0.1.0"
