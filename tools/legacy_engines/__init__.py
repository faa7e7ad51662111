"""Builds old vLLM releases for the CPU, from their sources on the package index."""
