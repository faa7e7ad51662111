"""What of a file a rewrite may touch, and a check that it touched nothing else."""

from __future__ import annotations

import io
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator

import libcst as cst

EDITED_METHODS = {
    "__init__",
    "forward",
    "embed_input_ids",
    "get_input_embeddings",
    "load_weights",
}
"""Methods of a model or its decoder that a rewrite changes, takes out or names otherwise."""


def require_untouched(before: str, after: str, edited: Iterable[str]) -> None:
    """See that all but imports, and some methods of the edited classes, is there byte by byte.

    Raises:
        AssertionError: a statement is lost, changed or elsewhere; or a comment is lost.
    """
    lost = _comments(before) - _comments(after)
    assert not lost, f"comments lost: {lost}"
    left = _statements(after, set(edited))
    for wanted in _statements(before, set(edited)):
        assert wanted in left, f"changed, or in another order: {wanted[:200]}"


def _comments(text: str) -> Counter[str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return Counter(one.string for one in tokens if one.type == tokenize.COMMENT)


def _statements(text: str, edited: set[str]) -> Iterator[str]:
    """Give the code of what no rewrite touches, in order; blank lines in front are left out."""
    module = cst.parse_module(text)
    for one in module.body:
        if isinstance(one, cst.ClassDef) and one.name.value in edited:
            for inner in one.body.body if isinstance(one.body, cst.IndentedBlock) else ():
                named = isinstance(inner, cst.FunctionDef) and inner.name.value in EDITED_METHODS
                # `pass` goes where something else comes.
                if not named and module.code_for_node(inner).strip() != "pass":
                    yield module.code_for_node(inner).strip()
        elif not _is_import(one):
            yield module.code_for_node(one).strip()


def _is_import(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and any(
        isinstance(part, cst.Import | cst.ImportFrom) for part in node.body
    )
