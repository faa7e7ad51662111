"""The weight map of a port that has HF's own encoder: every layout of names at once.

A checkpoint is named as the transformers that saved it named its modules, or as
its authors did. What transformers does to either on loading is known
(`Conversions`), and so is where the port keeps things: the encoder's parts below
`encoder` under HF's names, the language model below `language_model` under the
names of the text model alone, which vLLM's class reads, older ones included. So
of transformers' rules the encoder takes all, and the language model takes those
that say where it is, and none about what is in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mmport.model.conversions import (
    Conversions,
    Dropped,
    NameRule,
    TensorChange,
    TensorRule,
    WeightFacts,
)
from mmport.model.plan import Rename
from mmport.model.spec import Anatomy
from mmport.planning.name_rules import Step, at, can_make, one_of, plain, read_step, within
from mmport.planning.tensor_changes import tensor_steps
from mmport.planning.text_names import text_names
from mmport.weights.conversion_source import literal_dots

ENCODER = "encoder"
LANGUAGE_MODEL = "language_model"

_FREQUENCIES = re.compile(r"inv_freq$")
"""Buffers of rotary embeddings, which vLLM's loader drops itself."""

_AS_LOADED = "As transformers renames it on loading."


@dataclass(frozen=True, slots=True)
class WeightMap:
    """From the checkpoint's names and tensors to the port's.

    Names go through all `renames` in order; what then fits one of `dropped` is
    not loaded, what fits one of `changes` is made into other tensors first.
    """

    renames: tuple[Rename, ...]
    dropped: tuple[Dropped, ...] = ()
    changes: tuple[TensorChange, ...] = ()

    def name(self, name: str) -> str | None:
        """Map a name as the port's loader does; None where the tensor is not loaded."""
        for rule in self.renames:
            name = re.sub(rule.pattern, rule.replacement, name)
        return None if any(re.search(one.pattern, name) for one in self.dropped) else name

    def names(self, name: str) -> tuple[str, ...]:
        """Name all tensors that one of the checkpoint becomes, or becomes part of."""
        mapped = self.name(name)
        if mapped is None:
            return ()
        for change in self.changes:
            if re.search(change.pattern, mapped):
                return tuple(re.sub(change.pattern, target, mapped) for target in change.targets)
        return (mapped,)


def wrapped_weights(
    anatomy: Anatomy,
    facts: WeightFacts,
    *,
    base_prefix: str,
    head: str = "lm_head",
    served_by: str = "",
) -> WeightMap:
    """Make the weight map of a wrapped port.

    Args:
        anatomy: of HF's model.
        facts: about its checkpoints.
        base_prefix: name of the decoder in the causal language model.
        head: name of the head in the causal language model.
        served_by: the architecture of vLLM that the language model is.

    Raises:
        NotPortable: a tensor would have to be changed in a way that a port cannot.
    """
    # The backend has HF's modules, and of these rules it knows only those of the text model.
    on_backend = served_by.startswith("Transformers")
    draft = _Draft(anatomy, facts, base_prefix, head, on_backend)
    for scope in facts.conversions:
        path = scope.path.removeprefix(anatomy.path).removeprefix(".")
        if not path:
            draft.read_whole(scope)
        elif draft.part_of(scope.path):
            draft.read_part(scope, path)
        elif _is_below(path, draft.language):
            draft.read_text(scope.names)
    return WeightMap(
        renames=(*draft.sorting(), *draft.inside, *draft.text(), *_text_names(served_by)),
        dropped=tuple(draft.dropped()),
        changes=tuple(draft.changes),
    )


@dataclass(slots=True)
class _Draft:
    anatomy: Anatomy
    facts: WeightFacts
    base_prefix: str
    head: str
    on_backend: bool = False
    inside: list[Rename] = field(default_factory=list)
    """Within the encoder, after the sorting."""
    elsewhere: list[Rename] = field(default_factory=list)
    """Layouts in which the language model is not where HF's model has it."""
    bare: list[str] = field(default_factory=list)
    """The decoder's own modules, where a layout has them at the top."""
    aliases: dict[str, str] = field(default_factory=dict)
    """What other layouts call a part, and the part."""
    decoders: list[str] = field(default_factory=list)
    """What other layouts call the decoder in the causal language model."""
    mended: list[Rename] = field(default_factory=list)
    changes: list[TensorChange] = field(default_factory=list)

    @property
    def names(self) -> Mapping[str, Collection[str]]:
        """Names below each part, the language model among them."""
        return dict(self.facts.names)

    @property
    def language(self) -> str:
        """Path of the language model below the base level."""
        return self.anatomy.language_model.removeprefix(self.anatomy.path).removeprefix(".")

    @property
    def above(self) -> str:
        """A pattern for the base level, which a layout may leave out."""
        return rf"(?:{re.escape(self.anatomy.path)}\.)?" if self.anatomy.path else ""

    def read_whole(self, scope: Conversions) -> None:
        """Read rules that are about all names."""
        # Below the base level, a rule about that level would want it twice.
        twice = f"^{re.escape(self.anatomy.path)}\\." if scope.path else None
        steps = [
            read_step(rule, self.anatomy.path)
            for rule in scope.names
            if twice is None or not rule.source.startswith(twice)
        ]
        self._find_aliases(steps)
        inside = []
        for step in steps:
            if step.aim in {self.language.partition(".")[0], self.head}:
                self._relocate(step)
            elif step.aim in {*self.facts.parts, *self.aliases} or not step.anchored:
                inside.append(step)
        self._rename(inside, ENCODER, self.facts.parts)
        if self.facts.borrowed_text or self.on_backend:
            self._mend(inside)
        for tensors in scope.tensors:
            self._change(tensors, ENCODER, self.facts.parts)

    def read_part(self, scope: Conversions, path: str) -> None:
        """Read rules that are about a model within the encoder."""
        steps = [read_step(rule, "") for rule in scope.names]
        self._rename(steps, f"{ENCODER}.{path}", (path,))
        for tensors in scope.tensors:
            self._change(tensors, f"{ENCODER}.{path}", (path,))

    def read_text(self, rules: Iterable[NameRule]) -> None:
        """Read what older layouts call the decoder; what is in it is vLLM's class's affair."""
        for rule in rules:
            name = plain(rule.source.removeprefix("^")).removesuffix(".")
            if rule.target == f"{self.base_prefix}." and name.isidentifier():
                self.decoders.append(name)

    def _find_aliases(self, steps: Iterable[Step]) -> None:
        """Note what begins a name that becomes a part's; the last rename says which part."""
        known = {*self.facts.parts, *self.facts.left_out}
        for step in reversed(list(steps)):
            aim = self.aliases.get(step.aim, step.aim)
            if step.module and step.module not in known and aim in known:
                self.aliases.setdefault(step.module, aim)

    def _relocate(self, step: Step) -> None:
        if step.module == self.language.partition(".")[0]:
            return
        decoder = f"{LANGUAGE_MODEL}.{self.base_prefix}"
        rest = step.target.removeprefix(self.language).removeprefix(".")
        source = re.sub(r"^(?:\(\?<![^()]*\))+", "", step.source)
        if step.module == self.anatomy.path:
            # Such a rule spares the parts, which are sorted out by now.
            spared = rf"^{re.escape(step.module)}\.(?!{re.escape(self.language)}\.)"
            rename = Rename(spared, f"{decoder}.", "The decoder, where it is all but the head.")
        elif step.aim == self.head:
            head = f"{LANGUAGE_MODEL}.{step.target}"
            rename = Rename(f"^{self.above}{source}", head, "The head's other name.")
        elif plain(source).removesuffix(".") == rest.removesuffix("."):
            self.bare.append(rest.removesuffix("."))
            return
        else:
            reason = "The decoder, as transformers finds it on loading."
            rename = Rename(f"^{self.above}{source}", f"{decoder}.{rest}", reason)
        if rename not in self.elsewhere:
            self.elsewhere.append(rename)

    def _rename(self, steps: Iterable[Step], prefix: str, parts: Sequence[str]) -> None:
        """Keep the steps that can lead to the encoder's own names, by other steps if need be."""
        kept: list[Rename] = []
        between: set[str] = set()
        for step in reversed(list(steps)):
            if not step.changes or self.aliases.get(step.module) in self.facts.left_out:
                continue
            begins = step.anchored
            if prefix == ENCODER:
                begins |= step.module in {*self.facts.parts, *self.aliases}
            if begins or self._possible(step.target, parts, between):
                between |= set(re.findall(r"[A-Za-z_]\w*", step.source))
                pattern, replacement = (at if begins else within)(f"{prefix}.", step)
                kept.append(Rename(pattern, replacement, _AS_LOADED))
        self.inside += [rename for rename in reversed(kept) if rename not in self.inside]

    def _mend(self, steps: Iterable[Step]) -> None:
        """Rename in the language model what transformers renames in all of a model alike."""
        names = self.names.get(self.anatomy.language_model)
        reason = _AS_LOADED if self.on_backend else "Saved under the encoder's rule."
        for step in steps:
            if step.module in {*self.facts.parts, *self.aliases} or step.anchored:
                continue
            if step.changes and names and can_make(step.target, names):
                pattern, replacement = within(f"{LANGUAGE_MODEL}.", step)
                self.mended.append(Rename(pattern, replacement, reason))

    def _possible(self, target: str, parts: Iterable[str], between: Collection[str] = ()) -> bool:
        for part in parts:
            path = f"{self.anatomy.path}.{part}".removeprefix(".")
            if path not in self.names or can_make(target, {*self.names[path], *between}):
                return True
        return False

    def _change(self, rule: TensorRule, prefix: str, parts: Sequence[str]) -> None:
        if not all(self._possible(target, parts) for target in rule.targets):
            return
        steps = tensor_steps(rule, self.anatomy.owner)
        (source,) = rule.sources
        pairs = [within(f"{prefix}.", Step(source, target, False)) for target in rule.targets]
        self.changes.append(
            TensorChange(
                pattern=pairs[0][0],
                targets=tuple(target for _, target in pairs),
                steps=steps,
                reason="As transformers converts it on loading.",
            )
        )

    def sorting(self) -> Iterable[Rename]:
        """Give the rules that put what is the encoder's below it."""
        names = dict.fromkeys((*self.facts.parts, *self.aliases, *self.facts.left_out))
        parts = [re.escape(name) for name in names]
        if not parts:
            return
        either, found = (
            (f"({'|'.join(parts)})", r"\1") if len(parts) > 1 else (parts[0], next(iter(names)))
        )
        yield Rename(
            rf"^{self.above}{either}(?=\.|$)",
            f"{ENCODER}.{found}",
            "The encoder and the connector are one module.",
        )

    def text(self) -> Iterable[Rename]:
        """Give the rules that put what is the language model's below it."""
        yield from self.elsewhere
        decoder = f"{LANGUAGE_MODEL}.{self.base_prefix}."
        if self.bare:
            yield Rename(
                rf"^{self.above}({'|'.join(map(re.escape, self.bare))})\.",
                rf"{decoder}\1.",
                "The decoder's modules, where no level names them as its.",
            )
        own = re.escape(self.base_prefix)
        language = rf"{self.above}{re.escape(self.language)}"
        if not self.language:  # the class itself is the decoder
            language = re.escape(self.anatomy.path)
        if self.decoders:
            yield Rename(
                rf"^{language}\.(?={one_of(self.decoders)}\.)",
                f"{LANGUAGE_MODEL}.",
                "What vLLM's language model knows by its older name.",
            )
        inner = one_of([self.head, *self.decoders])
        yield Rename(
            rf"^{language}\.(?:{own}\.)*(?!{inner}\.)",
            decoder,
            "The decoder; vLLM's module has the head as well.",
        )
        nested = rf"(?:{language}\.)?"
        yield Rename(
            rf"^{nested}{re.escape(self.head)}\.",
            f"{LANGUAGE_MODEL}.{self.head}.",
            "The head, beside the decoder or at the top.",
        )
        yield from self.mended

    def dropped(self) -> Iterable[Dropped]:
        """Give what the port has no place for, in terms of the port's names."""
        if self.facts.left_out:
            others = (old for old, part in self.aliases.items() if part in self.facts.left_out)
            unused = rf"^{ENCODER}\.{one_of((*self.facts.left_out, *others))}(?:\.|$)"
            yield Dropped(unused, "No feature is computed from these.")
        transient = [name for name in self.facts.transient if not _FREQUENCIES.search(name)]
        if transient:
            anew = rf"^{ENCODER}\..*\.{one_of(transient)}$"
            yield Dropped(anew, "Older releases saved these; they are made anew.")
        found: dict[str, None] = {}
        for path, patterns in self.facts.ignored:
            if path in ("", self.anatomy.path) or self.part_of(path):
                found |= dict.fromkeys(self._passed_over(patterns))
            else:
                # What is in the language model is for vLLM's class to say.
                beside = (pattern for pattern in patterns if pattern.startswith("^"))
                found |= dict.fromkeys(self._passed_over(beside))
        for pattern in found:
            yield Dropped(pattern, "transformers passes over these too.")

    def _passed_over(self, patterns: Iterable[str]) -> Iterable[str]:
        text = self.names.get(self.anatomy.language_model, ())
        for pattern in sorted(patterns):
            step = read_step(NameRule(literal_dots(pattern), ""), self.anatomy.path)
            source = step.source.removesuffix(".*").removesuffix(r"\.")
            words = plain(source)
            if not words or step.module in text or words.startswith(self.language):
                continue
            inside = step.anchored or self._possible(f".{words}.", self.facts.parts)
            spared = one_of([ENCODER, LANGUAGE_MODEL] if inside else [LANGUAGE_MODEL])
            yield rf"^(?!{spared}\.){self.above if step.anchored else '.*'}{source}"

    def part_of(self, path: str) -> str:
        """Name the part that a path of HF's model is in; empty where it is in none."""
        below = path.removeprefix(self.anatomy.path).removeprefix(".")
        return next((part for part in self.facts.parts if _is_below(below, part)), "")


def _text_names(architecture: str) -> Iterable[Rename]:
    for item in text_names():
        if item.architecture == architecture:
            pattern = rf"^({LANGUAGE_MODEL}\..*?){item.pattern}"
            yield Rename(pattern, rf"\1{item.replacement}", item.reason)


def _is_below(path: str, other: str) -> bool:
    return bool(other) and (path == other or path.startswith(f"{other}."))
