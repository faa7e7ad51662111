"""How a chat template writes an item, read from the template's text."""

from __future__ import annotations

import re
from collections import Counter

_MARK = r"(?:<[^<>\s'\"]+>|\[[^\[\]\s'\"]+\])"
"""A token in brackets, as tokenizers' special tokens mostly are."""


def written_item(template: str, token: str) -> str:
    """Find what a template writes for an item: its token, and the marks right beside it.

    Args:
        template: Jinja's source.
        token: the placeholder.

    Returns:
        The text; the token alone where the template does not hold it.
    """
    beside = re.compile(rf"(?:{_MARK}\w*)*{re.escape(token)}(?:\w*{_MARK})*")
    found = Counter(match.group() for match in beside.finditer(template))
    # A template may write the bare token in a test, and the whole where it matters.
    return max(found, key=lambda text: (len(text), found[text]), default=token)
