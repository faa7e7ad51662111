"""transformers' renames of a checkpoint, told in terms of a port that has other prefixes.

A rule of transformers is searched in a whole name, and says where a tensor is in
HF's model. A port sorts names into two parts first, and what is renamed within
a part must leave the other alone. So each rule is taken apart here: is it tied
to the start of a name, which module does it speak of, and is that the language
model, the encoder, or any module with such a child.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from mmport.model.conversions import NameRule

_LEAD = re.compile(r"(?P<start>\^|\(\^\|\w+\\\.\))?(?P<behind>(?:\(\?<![^()]*\))*)")
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_GROUP = re.compile(r"(?<!\\)\((?!\?)")
_REFERENCE = re.compile(r"\\(\d+)")


@dataclass(frozen=True, slots=True)
class Step:
    """A rename without the base level (`model.`) on either side.

    `anchored` ones begin where a name begins. `module` is the first module that
    the source speaks of, empty where it begins with something else.
    """

    source: str
    target: str
    anchored: bool

    @property
    def module(self) -> str:
        """The first module of the source; empty where it begins with something else."""
        found = _IDENTIFIER.match(self.source)
        return found[0] if found else ""

    @property
    def aim(self) -> str:
        """The first module of the target; empty where it begins with something else."""
        found = _IDENTIFIER.match(self.target)
        return found[0] if found else ""

    @property
    def changes(self) -> bool:
        """Whether another name can come out of it."""
        return plain(self.source).removesuffix(".") != self.target.removesuffix(".")


def read_step(rule: NameRule, base: str) -> Step:
    """Take a rule apart.

    Args:
        rule: as transformers has it.
        base: the level below which HF keeps all but the head; it may be empty.
    """
    lead = _LEAD.match(rule.source)
    start, behind = (lead["start"] or "", lead["behind"]) if lead else ("", "")
    source, target = rule.source[len(start) :], rule.target
    if start.startswith("("):
        target = target.removeprefix(r"\1")
    above = f"{re.escape(base)}\\." if base else ""
    anchored = bool(start)
    if above and source[len(behind) :].startswith(above):
        source, anchored, behind = source[len(behind) + len(above) :], True, ""
    return Step(source, target.removeprefix(f"{base}.") if base else target, anchored)


def at(prefix: str, step: Step) -> tuple[str, str]:
    """Write a step as a pattern and replacement that act at the start of what is below a path."""
    guarded = _unrepeated(step)
    return rf"^{re.escape(prefix)}{guarded.source}", f"{prefix}{step.target}"


def within(prefix: str, step: Step) -> tuple[str, str]:
    """Write a step as a pattern and replacement that act anywhere below a path."""
    guarded = _unrepeated(step)
    target = _REFERENCE.sub(lambda found: f"\\{int(found[1]) + 1}", step.target)
    # A digit after the reference would make it another.
    first = r"\g<1>" if target[:1].isdigit() else r"\1"
    return rf"^({re.escape(prefix)}.*?){guarded.source}", f"{first}{target}"


def _unrepeated(step: Step) -> Step:
    """Keep a step from what it has made itself: `embedding` to `embeddings`, once."""
    before, source, after = plain(step.source), step.source, ""
    if not before or _GROUP.search(source) or before == step.target:
        return step
    start, found, after = step.target.partition(before)
    if not found:
        return step
    ahead = f"(?!{re.escape(after)})" if after else ""
    behind = f"(?<!{re.escape(start)})" if start else ""
    return Step(f"{behind}{source}{ahead}", step.target, step.anchored)


def plain(source: str) -> str:
    """Give the text that a pattern without repeats and groups stands for; else nothing."""
    bare = re.sub(r"\(\?<?!.*?\)+$|^\(\?<![^()]*\)", "", source)
    text = re.sub(r"\\([.\-_])", r"\1", bare)
    return "" if re.search(r"[\\*+?()\[\]{}|^$]", text) else text


def can_make(target: str, names: Collection[str]) -> bool:
    """Tell whether modules with these names can be called as a target says.

    The ends of a target can be parts of names.
    """
    words = [word for word in re.split(r"\\\d+|\.", target) if word and not word.isdigit()]
    known = {*names, "weight", "bias"}
    opened, closed = target.startswith("."), target.endswith(".")
    for place, word in enumerate(words):
        first, last = place == 0 and not opened, place == len(words) - 1 and not closed
        if not any(_fits(word, name, first=first, last=last) for name in known):
            return False
    return True


def _fits(word: str, name: str, *, first: bool, last: bool) -> bool:
    if first and last:
        return word in name
    if first:
        return name.endswith(word)
    return name.startswith(word) if last else name == word


def one_of(names: Iterable[str]) -> str:
    """Write a pattern for one of several names; without parentheses for a single one."""
    found = [re.escape(name) for name in dict.fromkeys(names)]
    return found[0] if len(found) == 1 else f"(?:{'|'.join(found)})"
