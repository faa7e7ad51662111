"""What transformers does to a checkpoint's names and tensors when it loads a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class NameRule:
    """A regular expression that is searched in a name, and what stands there instead."""

    source: str
    target: str


Argument = int | float | str | bool | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation on tensors, by the name of transformers' class, and its arguments.

    An argument that has no name there is `#0`, `#1`, … by its place.
    """

    name: str
    arguments: tuple[tuple[str, Argument], ...] = ()


@dataclass(frozen=True, slots=True)
class TensorRule:
    """Tensors that become others: one is split, several are joined, or one changes its form.

    `sources` are regular expressions, in which `*` stands for an index;
    `targets` are names' parts, one for each tensor that comes out.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class Submodel:
    """A model within a model that transformers knows by its class or its config's type."""

    path: str
    class_name: str
    model_type: str


@dataclass(frozen=True, slots=True)
class Conversions:
    """What is done to the tensors below `path`; to all, where it is empty.

    Names go through all rules in order, then through the first tensor rule that fits.
    """

    path: str
    names: tuple[NameRule, ...] = ()
    tensors: tuple[TensorRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """Names, as the port has them, of tensors that it has no place for."""

    pattern: str
    reason: str


@dataclass(frozen=True, slots=True)
class TensorStep:
    """One step in which a port makes tensors of one of the checkpoint's.

    `split` cuts along a dimension into as many pieces as there are targets,
    `transpose` swaps two dimensions; `deinterleave` brings together what takes
    turns along one, `interleave` has it take turns. `halve` and `pair` sort the
    rows of each attention head: into halves that rotate together, from pairs
    that do, or back. They are about some `pieces` only, and the number of heads
    is that of `config`, an attribute of the whole model's config.
    """

    kind: Literal["split", "transpose", "deinterleave", "interleave", "halve", "pair"]
    dims: tuple[int, ...] = ()
    pieces: tuple[int, ...] = ()
    config: str = ""


@dataclass(frozen=True, slots=True)
class TensorChange:
    """A tensor of the checkpoint that becomes others before they are loaded.

    `pattern` is a regular expression over the port's names, `targets` what
    stands in the place of the match, one for each tensor that comes out.
    """

    pattern: str
    targets: tuple[str, ...]
    steps: tuple[TensorStep, ...]
    reason: str

    @property
    def is_split(self) -> bool:
        """Whether it is cut into pieces along its rows, and that is all."""
        return self.steps == (TensorStep("split", dims=(0,)),)


@dataclass(frozen=True, slots=True)
class WeightFacts:
    """What decides how a checkpoint's names become those of a wrapped port.

    `parts` are those of the anatomy that have tensors. Paths are from the top of
    HF's model. `names` are, by path of a part, the
    modules and tensors below it that the rules of `conversions` may speak of; a
    part that is missing has parts that its source does not tell.
    """

    parts: tuple[str, ...]
    conversions: tuple[Conversions, ...]
    names: tuple[tuple[str, tuple[str, ...]], ...]
    left_out: tuple[str, ...] = ()
    """Modules beside the parts, which no feature needs."""
    transient: tuple[str, ...] = ()
    """Buffers of the parts that are made anew, and that older checkpoints have."""
    ignored: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """By path of a model, patterns of names that HF passes over if it has no place for them."""
    borrowed_text: bool = False
    """The language model's class is another model's, with names of its own."""
