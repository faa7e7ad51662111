"""What transformers does to tensors when it loads them, in the steps that a port can take.

transformers has a class for each operation; a port has an expression. Here is
which classes those are, and what their arguments come to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from mmport.core.errors import NotPortable
from mmport.model.conversions import Argument, Operation, TensorRule, TensorStep

_SAVED_ANEW = "save the model anew with transformers' save_pretrained"


class _UnknownError(Exception):
    """An operation, or a use of one, that a port has no expression for."""


def tensor_steps(rule: TensorRule, owner: str) -> tuple[TensorStep, ...]:
    """Say in which steps a port makes the tensors of a rule.

    Args:
        rule: one tensor that becomes others, or another.
        owner: whose tensors they are.

    Raises:
        NotPortable: it takes more than a port can do.
    """
    try:
        if len(rule.sources) != 1:
            raise _UnknownError
        steps = tuple(_steps(rule))
    except _UnknownError as error:
        names = ", ".join(one.name for one in rule.operations)
        raise NotPortable(
            f"transformers makes tensors of {owner} anew by {names} when it loads them",
            _SAVED_ANEW,
        ) from error
    return steps


def _steps(rule: TensorRule) -> Iterator[TensorStep]:
    """Give the steps of a rule, those left out that are about none of its tensors."""
    cut = len(rule.targets) == 1
    for operation in rule.operations:
        reader = _READERS.get(operation.name)
        if reader is None:
            raise _UnknownError
        step = reader(operation, rule.targets)
        about_pieces = step.kind in {"halve", "pair"}
        # Before they are cut, tensors go by another name, and which are meant is unknown.
        if (about_pieces and not cut) or (step.kind == "split" and cut):
            raise _UnknownError
        cut = cut or step.kind == "split"
        if step.pieces or not about_pieces:
            yield step
    if not cut:
        raise _UnknownError


def _split(operation: Operation, targets: Sequence[str]) -> TensorStep:
    given = _bound(operation, dim=0, num_shards_attribute=None)
    if given["num_shards_attribute"] is not None:
        raise _UnknownError
    return TensorStep("split", dims=(_whole(given["dim"]),))


def _transposed(operation: Operation, targets: Sequence[str]) -> TensorStep:
    given = _bound(operation, dim0=0, dim1=1, check_dims=False)
    if given["check_dims"] is not False:
        raise _UnknownError
    return TensorStep("transpose", dims=(_whole(given["dim0"]), _whole(given["dim1"])))


def _interleaved(operation: Operation, targets: Sequence[str]) -> TensorStep:
    given = _bound(operation, dim=0, inverse=False)
    dims = (_whole(given["dim"]),)
    return TensorStep("interleave" if given["inverse"] else "deinterleave", dims=dims)


def _rotated(operation: Operation, targets: Sequence[str]) -> TensorStep:
    """Read the other order of the rows of each head, in which halves of it rotate, not pairs."""
    given = _bound(operation, subconfig_key=None, permute_layer_names=(), inverse=False)
    names, config = given["permute_layer_names"], given["subconfig_key"]
    if not isinstance(names, tuple) or not (config is None or isinstance(config, str)):
        raise _UnknownError
    pieces = tuple(
        place for place, target in enumerate(targets) if any(name in target for name in names)
    )
    return TensorStep("pair" if given["inverse"] else "halve", pieces=pieces, config=config or "")


_READERS: Mapping[str, Callable[[Operation, Sequence[str]], TensorStep]] = {
    "Chunk": _split,
    "Interleave": _interleaved,
    "PermuteForRope": _rotated,
    "Transpose": _transposed,
}


def _bound(operation: Operation, **defaults: Argument) -> dict[str, Argument]:
    """Give the arguments by name; the order of `defaults` is that of the constructor."""
    names = list(defaults)
    given = dict(defaults)
    for key, value in operation.arguments:
        place = int(key[1:]) if key.startswith("#") else -1
        name = names[place] if 0 <= place < len(names) else key
        if name not in defaults:
            raise _UnknownError
        given[name] = value
    return given


def _whole(value: Argument) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _UnknownError
    return value
