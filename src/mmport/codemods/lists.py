"""Things that commas part: bases, parameters, arguments, imported names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import libcst as cst

from mmport.codemods.printing import code_of

LINE_LENGTH = 88

Item = TypeVar("Item", cst.Arg, cst.Param, cst.ImportAlias)

_SPACE = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def optional(name: str, annotation: str) -> cst.Param:
    """Make a parameter that is None by default; `annotation` may be empty."""
    space = cst.SimpleWhitespace(" " if annotation else "")
    return cst.Param(
        cst.Name(name),
        cst.Annotation(cst.parse_expression(annotation)) if annotation else None,
        default=cst.Name("None"),
        equal=cst.AssignEqual(space, space),
    )


def with_item(items: Sequence[Item], place: int, added: Item) -> list[Item]:
    """Put an item in, parted from the others as they are from each other.

    Comments stay with the items that they are about.
    """
    between, found = _between(items), list(items)
    if place < len(found):
        found.insert(place, added.with_changes(comma=between))
        return found
    end = found[-1].comma if found else None
    if isinstance(end, cst.Comma):
        found[-1] = found[-1].with_changes(comma=_followed(end, between))
        added = added.with_changes(comma=_without_comment(end))
    elif found:
        found[-1] = found[-1].with_changes(comma=between)
    found.append(added)
    return found


def one_a_line(
    items: Sequence[Item], indent: str, *, within: bool
) -> tuple[cst.ParenthesizedWhitespace, list[Item]]:
    """Lay items out one a line; give what stands before the first, and the items.

    Args:
        items: at least one.
        indent: of one level.
        within: they stand in a block, whose own indentation comes before.
    """
    broken = cst.ParenthesizedWhitespace(indent=within, last_line=cst.SimpleWhitespace(indent))
    end = cst.ParenthesizedWhitespace(indent=within)
    parted = [one.with_changes(comma=cst.Comma(whitespace_after=broken)) for one in items[:-1]]
    parted.append(items[-1].with_changes(comma=cst.Comma(whitespace_after=end)))
    return broken, parted


def fitting_call(call: cst.Call, *, width: int, indent: str) -> cst.Call:
    """Break a call's arguments, one a line, where it is longer than `width` on one."""
    text = code_of(call)
    if "\n" in text or len(text) <= width or not call.args:
        return call
    broken, args = one_a_line(call.args, indent, within=True)
    return call.with_changes(args=args, whitespace_before_args=broken)


def with_argument(call: cst.Call, added: cst.Arg, *, width: int, indent: str) -> cst.Call:
    """Add an argument to a call: on the line of the others, or on one as theirs are broken.

    `width` is what a call may take of a line.
    """
    wider = call.with_changes(args=with_item(call.args, len(call.args), added))
    lines = code_of(wider).splitlines()
    if len(lines) == 1 or len(lines[-1]) <= LINE_LENGTH:
        return fitting_call(wider, width=width, indent=indent)
    broken = [
        one.comma
        for one in call.args
        if isinstance(one.comma, cst.Comma)
        and isinstance(one.comma.whitespace_after, cst.ParenthesizedWhitespace)
    ]
    *others, last, new = wider.args
    return wider.with_changes(args=[*others, last.with_changes(comma=broken[-1]), new])


def _between(items: Sequence[Item]) -> cst.Comma:
    commas = [one.comma for one in items[:-1] if isinstance(one.comma, cst.Comma)]
    return _without_comment(commas[0]) if commas else _SPACE


def _followed(end: cst.Comma, between: cst.Comma) -> cst.Comma:
    """Have another item follow a last comma, and keep the comment behind it."""
    old, new = end.whitespace_after, between.whitespace_after
    if isinstance(old, cst.ParenthesizedWhitespace) and isinstance(
        new, cst.ParenthesizedWhitespace
    ):
        kept = old.with_changes(indent=new.indent, last_line=new.last_line)
        return end.with_changes(whitespace_after=kept)
    return between


def _without_comment(comma: cst.Comma) -> cst.Comma:
    space = comma.whitespace_after
    if isinstance(space, cst.ParenthesizedWhitespace):
        space = space.with_changes(first_line=cst.TrailingWhitespace(), empty_lines=())
    return comma.with_changes(whitespace_after=space)
