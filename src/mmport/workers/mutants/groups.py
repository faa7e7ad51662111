"""All groups of operators: to import them is to enter their kinds in the registry."""

from . import (
    attention,
    blocks,
    caches,
    declarations,
    loading,
    modules,
    parameters,
    processor,
    steps,
)
from .registry import Mutant, choose, find_mutants

__all__ = ["GROUPS", "Mutant", "choose", "find_mutants"]

GROUPS = (
    parameters,
    modules,
    attention,
    blocks,
    steps,
    processor,
    loading,
    caches,
    declarations,
)
