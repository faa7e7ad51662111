"""Videos that a processor hands over as images: their frames under the names of these."""

from __future__ import annotations

import ast
from collections.abc import Collection

from mmport.anatomy.classes import entries, find_class
from mmport.anatomy.processor.searched import modality_of, own_lineage
from mmport.core.source_tree import SourceTree


def hands_frames_on(
    tree: SourceTree, module: str, class_name: str, fields: Collection[str]
) -> bool:
    """Tell whether a processor puts what it makes of videos where that of images goes.

    Args:
        tree: where its module is found.
        module: that defines the class.
        class_name: of the processor.
        fields: its outputs for images.
    """
    found = find_class(tree, module, class_name)
    bodies = (node for item in own_lineage(found) for node in item.node.body) if found else ()
    methods = [node for node in bodies if isinstance(node, ast.FunctionDef)]
    return any(
        _takes_videos_out(node) and bool(entries(node, ast.Store) & set(fields))
        for node in methods
        if node.name == "__call__"
    ) or any(entries(node) & set(fields) for node in methods if node.name == "replace_video_token")


def _takes_videos_out(call: ast.FunctionDef) -> bool:
    for node in ast.walk(call):
        match node:
            case ast.Call(func=ast.Attribute(attr="pop"), args=[ast.Constant(value=str(name)), *_]):
                if modality_of(name) == "video":
                    return True
    return False
