"""HF's processor fills a video's frames with the image's token, and vLLM takes its ids as they are.

Files that turned them into the video's token undo it no more, as HF's ids are not used: what they
put in themselves is the image's token then, which is also what HF's positions are counted by.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.reading import Reading
from mmport.usage.walking import walk

_IMAGE, _VIDEO = "image_token_id", "video_token_id"
_POSITIONS = "get_mrope_input_positions"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    turned = any(_turns(node) for node in reading.nodes)
    if turned and not _counts_by_token(reading):
        for node in reading.nodes:
            for one in _put_in(node):
                end = reading.span(one)[1]
                edits.put(end - len(_VIDEO), end, _IMAGE)
            match node:
                case ast.IfExp(body=ast.Attribute(attr=name), orelse=ast.Attribute(attr=other)):
                    if {name, other} == {_VIDEO, _IMAGE}:
                        image = node.body if name == _IMAGE else node.orelse
                        edits.put(*reading.span(node), reading.code(image))
    return edits


def _counts_by_token(reading: Reading) -> bool:
    """Tell a file whose positions take every image's token for one of an image."""
    methods = (one.methods.get(_POSITIONS) for one in reading.file.classes.values())
    return any(
        isinstance(node, ast.Name | ast.Attribute) and _IMAGE in ast.unparse(node)
        for method in methods
        if method is not None
        for node in walk(method)
    )


def _turns(node: ast.AST) -> bool:
    """Tell `ids[ids == x.image_token_id] = x.video_token_id`."""
    match node:
        case ast.Assign(
            targets=[
                ast.Subscript(
                    value=ids,
                    slice=ast.Compare(
                        left=left, ops=[ast.Eq()], comparators=[ast.Attribute(attr=before)]
                    ),
                )
            ],
            value=ast.Attribute(attr=after),
        ):
            return (before, after) == (_IMAGE, _VIDEO) and ast.unparse(ids) == ast.unparse(left)
    return False


def _put_in(node: ast.AST) -> Iterator[ast.Attribute]:
    """Find the video's token where a frame is filled, and where the filled places are found."""
    match node:
        case ast.BinOp(left=ast.List(elts=[ast.Attribute(attr=attr) as token]), op=ast.Mult()):
            if attr == _VIDEO:
                yield token
        case ast.keyword(arg="embed_token_id", value=ast.Attribute(attr=attr) as token):
            if attr == _VIDEO:
                yield token


CODEMOD = Codemod(
    id="frame-tokens",
    summary="A video's frames are filled with the image's token, as HF's processor fills them",
    since="0.29.0",
    instead=_IMAGE,
    reference="transformers: Glm4vProcessor",
    risk="review",
    apply=_apply,
)
