"""Multimodal support for a text-only class, one codemod a step."""
