"""Parses and reads a text once: who asks for the same one next gets the same, to read alone."""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache

from mmport.usage.source import ModelFile, read_model_file
from mmport.vllm_api.surface.stubs import ModuleName


@lru_cache(maxsize=2)
def parsed(text: str) -> ast.Module:
    """Parse a text.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: it is no Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python thinks of an escape is not our matter
        return ast.parse(text)


def model_file(text: str, module: ModuleName) -> ModelFile:
    """Read a text that is Python as the module that it stands in.

    Raises:
        RecursionError: it is nested too deeply.
    """
    return file_of(parsed(text), module)


@lru_cache(maxsize=2)
def file_of(tree: ast.Module, module: ModuleName) -> ModelFile:
    """Read a tree as the module that it stands in: what is read are nodes of that very tree.

    Raises:
        RecursionError: it is nested too deeply.
    """
    return read_model_file(tree, module)
