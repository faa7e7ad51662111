"""Nodes as the text that they stand for."""

from __future__ import annotations

import libcst as cst


def code_of(node: cst.CSTNode) -> str:
    """Write a node by itself, as it stands in no module."""
    return cst.Module([]).code_for_node(node)
