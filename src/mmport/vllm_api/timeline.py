"""What held in which releases: facts by name, each with the spans of releases it holds for.

A timeline is written as `{subject: {span: {name: fact}}}`. A span is `0.6.4:0.9.2`,
first and last release, or `0.6.4:` if it lasts to the newest that is known. So a
release that changes little adds little, and what it changes is what a diff shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from packaging.version import Version

Facts = Mapping[str, Any]
Spans = Mapping[str, Facts]


def in_order(versions: Iterable[str]) -> tuple[str, ...]:
    """Sort releases, oldest first; a post release follows its release."""
    return tuple(sorted(versions, key=Version))


def at(spans: Spans, place: int, order: Mapping[str, int]) -> dict[str, Any]:
    """Give the facts of the release that stands at `place` of `order`."""
    found: dict[str, Any] = {}
    for span, facts in spans.items():
        first, last = _bounds(span, order)
        if first <= place <= last:
            found.update(facts)
    return found


def with_release(
    spans: Spans, known: Sequence[str], version: str, facts: Facts
) -> dict[str, dict[str, Any]]:
    """Add what holds in one more release, or replace what was known of it.

    Args:
        spans: what holds in the releases of `known`.
        known: the releases so far, in order; `version` may be one of them.
        version: the release to add.
        facts: all that holds in it.
    """
    order = {name: place for place, name in enumerate(known)}
    holds: dict[tuple[str, str], tuple[Any, set[str]]] = {}

    def add(name: str, fact: Any, releases: Iterable[str]) -> None:
        _, there = holds.setdefault((name, repr(fact)), (fact, set()))
        there.update(releases)

    for span, some in spans.items():
        first, last = _bounds(span, order)
        releases = [one for one in known[first : last + 1] if one != version]
        for name, fact in some.items():
            add(name, fact, releases)
    for name, fact in facts.items():
        add(name, fact, (version,))
    now = in_order({*known, version})
    grouped: dict[str, dict[str, Any]] = {}
    for (name, _), (fact, there) in sorted(holds.items(), key=lambda item: item[0]):
        for span in _runs(now, there):
            grouped.setdefault(span, {})[name] = fact
    places = {name: place for place, name in enumerate(now)}
    return dict(sorted(grouped.items(), key=lambda item: _bounds(item[0], places)))


def _runs(releases: Sequence[str], there: set[str]) -> Iterator[str]:
    """Give the spans that make up a set of releases."""
    start = None
    for place, name in enumerate(releases):
        if name in there:
            start = name if start is None else start
            following = releases[place + 1] if place + 1 < len(releases) else None
            if following is None:
                yield f"{start}:"
            elif following not in there:
                yield f"{start}:{name}"
                start = None


def _bounds(span: str, order: Mapping[str, int]) -> tuple[int, int]:
    first, _, last = span.partition(":")
    return order[first], order[last] if last else len(order)
