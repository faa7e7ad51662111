"""Comments that silence findings: `# mmport: ignore[rule] reason`.

One behind a statement counts for its line, and on the first line of a statement
for all of its lines. One that stands alone counts for the statement below it, a
decorated class or function up to its colon. `ignore-file` in the head of a file
counts for the whole file.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from tokenize import TokenInfo

from mmport.gate import rules
from mmport.gate.rule import Rule
from mmport.model.finding import Finding

# Another comment behind the reason is not part of it; a number with a hash is.
_COMMENT = re.compile(
    r"#\s*mmport:\s*ignore(?P<file>-file)?\b\s*"
    r"(?:\[(?P<names>[^\]]*)\]\s*(?P<reason>(?:(?!#\s*[A-Za-z]).)*))?"
)
_BESIDE = {
    tokenize.NL,
    tokenize.COMMENT,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


@dataclass(frozen=True, slots=True)
class Ignore:
    """One comment: where it stands, what it names, and the lines that it counts for.

    `lines` is None for the whole file. An `ignore-file` below the head counts for nothing.
    """

    line: int
    column: int
    names: tuple[str, ...]
    reason: str
    lines: range | None

    def covers(self, finding: Finding) -> bool:
        """Tell whether it silences a finding."""
        return finding.rule in self.names and (self.lines is None or finding.line in self.lines)


def ignores_of(text: str) -> tuple[Ignore, ...]:
    """Read the comments of a text that is Python."""
    if "mmport:" not in text:
        return ()
    tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    statements = _Statements(tokens)
    return tuple(
        ignore
        for token in tokens
        if token.type == tokenize.COMMENT
        for ignore in _of_comment(token, statements)
    )


def silence(
    findings: Iterable[Finding], ignores: tuple[Ignore, ...], file: str, known: Mapping[str, Rule]
) -> tuple[tuple[Finding, ...], int]:
    """Take out what comments silence, and add what is wrong with the comments.

    Returns:
        The findings that are left, and how many were silenced.
    """
    # The nearest comment is the one that was meant, and the one that is in use.
    nearest = sorted(ignores, key=lambda ignore: ignore.lines is None)
    used: set[tuple[Ignore, str]] = set()
    kept: list[Finding] = []
    silenced = 0
    for finding in findings:
        ignore = next((one for one in nearest if one.covers(finding)), None)
        rule = known.get(finding.rule)
        if ignore is None or rule is None or not rule.suppressible:
            kept.append(finding)
            continue
        used.add((ignore, finding.rule))
        silenced += 1
    for ignore in ignores:
        kept.extend(_faults(ignore, file, known, used))
    return tuple(kept), silenced


def _faults(
    ignore: Ignore, file: str, known: Mapping[str, Rule], used: set[tuple[Ignore, str]]
) -> Iterator[Finding]:
    def fault(rule: Rule, message: str) -> Finding:
        return rule.finding(message, file=file, line=ignore.line, column=ignore.column)

    if not ignore.names:
        yield fault(rules.IGNORE_UNKNOWN_RULE, "names no rule in brackets")
        return
    if not re.search(r"\w", ignore.reason):
        names = ", ".join(ignore.names)
        yield fault(rules.IGNORE_WITHOUT_REASON, f"does not say why {names} is to be silent")
    for name in ignore.names:
        if name not in known:
            yield fault(rules.IGNORE_UNKNOWN_RULE, f"there is no rule {name!r}")
        elif not known[name].suppressible:
            yield fault(rules.IGNORE_UNKNOWN_RULE, f"no comment may silence {name!r}")
        elif ignore.lines is not None and not ignore.lines:
            message = f"{name}: ignore-file counts in the head of a file, above the first statement"
            yield fault(rules.IGNORE_UNUSED, message)
        elif (ignore, name) not in used:
            yield fault(rules.IGNORE_UNUSED, f"{name} finds nothing here")


def _of_comment(token: TokenInfo, statements: _Statements) -> Iterator[Ignore]:
    for match in _COMMENT.finditer(token.string):
        line = token.start[0]
        names = (name.strip() for name in (match["names"] or "").split(","))
        lines: range | None = statements.lines_of(token)
        if match["file"]:
            lines = None if line < statements.body else range(0)
        yield Ignore(
            line=line,
            column=token.start[1] + match.start() + 1,
            names=tuple(dict.fromkeys(name for name in names if name)),
            reason=(match["reason"] or "").strip(),
            lines=lines,
        )


class _Statements:
    """From which line to which each statement of a file goes.

    A class or function ends at its colon here; `body` is the first line that is
    neither a comment nor the docstring.
    """

    def __init__(self, tokens: list[TokenInfo]) -> None:
        self.body = tokens[-1].start[0] + 1
        self._last_of: dict[int, int] = {}
        self._decorators: set[int] = set()
        self._coded: set[int] = set()
        self._comments = {token.start[0] for token in tokens if token.type == tokenize.COMMENT}
        first: TokenInfo | None = None
        for token in tokens:
            if token.type in _BESIDE:
                continue
            self._coded.update(range(token.start[0], token.end[0] + 1))
            first = first or token
            if token.type == tokenize.NEWLINE:
                self._add(first, token.start[0])
                first = None

    def lines_of(self, comment: TokenInfo) -> range:
        """Give the lines that a comment counts for."""
        line = comment.start[0]
        if line in self._coded:
            return range(line, self._last_of.get(line, line) + 1)
        start = line + 1
        while start in self._comments and start not in self._coded:
            start += 1
        last = self._last_of.get(start, start)
        while last in self._decorators:
            last = next(end for begin, end in self._last_of.items() if begin > last)
        return range(start, last + 1)

    def _add(self, first: TokenInfo, last: int) -> None:
        start = first.start[0]
        docstring = first.type == tokenize.STRING and not self._last_of
        if not docstring:
            self.body = min(self.body, start)
        self._last_of[start] = last
        if first.string == "@":
            self._decorators.add(last)
