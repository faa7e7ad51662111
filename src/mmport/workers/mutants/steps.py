"""Faults of what the engine calls on a model: features, merge, positions, logits."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .attention import rotations
from .patches import patched, rewired
from .registry import Found, operator
from .specimen import Specimen

if TYPE_CHECKING:
    import torch

    Features = Sequence[torch.Tensor]

_FEATURES = "features"
_MERGE = "merge"
_POSITIONS = "positions"
_LOGITS = "logits"

_AFTER_ENCODER = ("encoder", "merge")
_MERGED = ("merge", "decoder")
_LOGPROBS = ("logits", "decoder")


def _of_method(
    specimen: Specimen,
    method: str,
    stages: Sequence[str],
    make: Callable[[Callable[..., Any]], Callable[..., Any]],
) -> Iterator[Found]:
    """The one mutant that has a method of the model replaced."""
    own = getattr(specimen.model, method, None)
    if callable(own):
        yield (
            method,
            stages,
            lambda: patched(specimen.model, method, functools.wraps(own)(make(own))),
        )


def _features(
    specimen: Specimen,
    change: Callable[[list[torch.Tensor]], list[torch.Tensor]],
    stages: Sequence[str] = _AFTER_ENCODER,
) -> Iterator[Found]:
    """Change the features of all items, each (tokens, width), as they leave the encoder."""

    def make(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            return change(list(method(*args, **kwargs)))

        return call

    return _of_method(specimen, "embed_multimodal", stages, make)


def _each(change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[list[Any]], list[Any]]:
    return lambda items: [change(item) for item in items]


@operator("features shifted by one", _FEATURES)
def _shift_features(specimen: Specimen) -> Iterator[Found]:
    return _features(specimen, _each(lambda rows: rows.roll(1, dims=0)))


@operator("features in reverse", _FEATURES)
def _reverse_features(specimen: Specimen) -> Iterator[Found]:
    return _features(specimen, _each(lambda rows: rows.flip(0)))


@operator("rows and columns of features exchanged", _FEATURES)
def _transpose_features(specimen: Specimen) -> Iterator[Found]:
    def change(rows: torch.Tensor) -> torch.Tensor:
        side = next(size for size in range(int(len(rows) ** 0.5), 0, -1) if len(rows) % size == 0)
        grid = rows.reshape(side, len(rows) // side, -1)
        return grid.transpose(0, 1).reshape(rows.shape)

    return _features(specimen, _each(change))


@operator("features in tiles of two by two", _FEATURES)
def _tile_features(specimen: Specimen) -> Iterator[Found]:
    """The order of a pixel shuffle, where there is none, or another where there is."""

    def change(rows: torch.Tensor) -> torch.Tensor:
        side = int(len(rows) ** 0.5)
        whole = rows[: side * side]
        if side % 2 or not side:
            return rows.clone().index_copy(0, rows.new_tensor([0, 1]).long(), rows[[1, 0]])
        tiles = whole.reshape(side // 2, 2, side // 2, 2, -1).transpose(1, 2)
        changed = rows.clone()
        changed[: side * side] = tiles.reshape(whole.shape)
        return changed

    return _features(specimen, _each(change))


@operator("features of two items exchanged", _FEATURES, scenarios=("items",))
def _exchange_features(specimen: Specimen) -> Iterator[Found]:
    def change(items: list[torch.Tensor]) -> list[torch.Tensor]:
        import torch

        return list(torch.cat(items[::-1]).split([len(item) for item in items]))

    return _features(specimen, change)


@operator("features scaled", _FEATURES)
def _scale_features(specimen: Specimen) -> Iterator[Found]:
    return _features(specimen, _each(lambda rows: rows * rows.shape[-1] ** 0.5))


@operator("features off by 1%", _FEATURES)
def _near_features(specimen: Specimen) -> Iterator[Found]:
    return _features(specimen, _each(lambda rows: rows * 1.01))


@operator("last feature for the first", _FEATURES)
def _wrong_selection(specimen: Specimen) -> Iterator[Found]:
    """A selection that drops a token at the wrong end."""

    def change(rows: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.cat((rows[:1], rows[:-1]))

    return _features(specimen, _each(change))


def _merge(
    specimen: Specimen,
    change: Callable[[Any, Any, Any], tuple[Any, Any, Any]],
    stages: Sequence[str] = _MERGED,
) -> Iterator[Found]:
    """Change ids, features and mask before they are merged."""

    def make(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(
            input_ids: Any,
            multimodal_embeddings: Any = None,
            *args: Any,
            is_multimodal: Any = None,
            **kwargs: Any,
        ) -> Any:
            if multimodal_embeddings is None or len(multimodal_embeddings) == 0:
                return method(
                    input_ids, multimodal_embeddings, *args, is_multimodal=is_multimodal, **kwargs
                )
            input_ids, features, mask = change(input_ids, multimodal_embeddings, is_multimodal)
            return method(input_ids, features, *args, is_multimodal=mask, **kwargs)

        return call

    return _of_method(specimen, "embed_input_ids", stages, make)


@operator("merge shifted by one", _MERGE)
def _shift_merge(specimen: Specimen) -> Iterator[Found]:
    return _merge(specimen, lambda ids, features, mask: (ids, features, mask.roll(1)))


@operator("merge leaves the placeholders", _MERGE)
def _no_merge(specimen: Specimen) -> Iterator[Found]:
    return _merge(specimen, lambda ids, features, mask: (ids, None, None))


@operator("items merged in reverse", _MERGE, scenarios=("items",))
def _reverse_merge(specimen: Specimen) -> Iterator[Found]:
    def change(ids: Any, features: Any, mask: Any) -> tuple[Any, Any, Any]:
        import torch

        return ids, [torch.cat([*features][::-1])], mask

    # Several items are not recorded: what is merged of them is seen in the logprobs.
    return _merge(specimen, change, (*_MERGED, "logits"))


def _embeddings(
    specimen: Specimen, change: Callable[[torch.Tensor, Any], torch.Tensor]
) -> Iterator[Found]:
    """Change the embeddings after the merge; the mask says which are of items."""

    def make(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            return change(method(*args, **kwargs), kwargs.get("is_multimodal"))

        return call

    return _of_method(specimen, "embed_input_ids", _MERGED, make)


@operator("embeddings scaled", _MERGE)
def _scale_embeddings(specimen: Specimen) -> Iterator[Found]:
    return _embeddings(specimen, lambda rows, mask: rows * rows.shape[-1] ** 0.5)


@operator("embeddings off by 1%", _MERGE)
def _near_embeddings(specimen: Specimen) -> Iterator[Found]:
    return _embeddings(specimen, lambda rows, mask: rows * 1.01)


@operator("only words scaled", _MERGE)
def _scale_words(specimen: Specimen) -> Iterator[Found]:
    def change(rows: torch.Tensor, mask: Any) -> torch.Tensor:
        import torch

        factor = torch.full_like(rows[..., :1], 1.1)
        if mask is not None:
            factor[mask] = 1.0
        return rows * factor

    return _embeddings(specimen, change)


def _positions(
    specimen: Specimen, change: Callable[[torch.Tensor], torch.Tensor]
) -> Iterator[Found]:
    """Change the positions that the model is called with: (tokens,), or (axes, tokens)."""
    from .calls import argument_names

    def make(forward: Callable[..., Any]) -> Callable[..., Any]:
        names = argument_names(forward)

        def call(*args: Any, **kwargs: Any) -> Any:
            if "positions" in kwargs:
                return forward(*args, **kwargs | {"positions": change(kwargs["positions"])})
            place = names.index("positions")
            changed = change(args[place])
            return forward(*args[:place], changed, *args[place + 1 :], **kwargs)

        return call

    # Where HF does not hand them on, they show where they are used first.
    used = [place.path for place in rotations(specimen) if place.phase == "decoder"]
    if "positions" in argument_names(specimen.model.forward):
        yield " + ".join(["forward", *used[:1]]), _MERGED, lambda: rewired(specimen.model, make)


@operator("positions off by one after an item", _POSITIONS, outside=True)
def _late_positions(specimen: Specimen) -> Iterator[Found]:
    """Of all tokens behind the item, those of the answer among them."""
    last = specimen.placeholder[1]

    def change(positions: torch.Tensor) -> torch.Tensor:
        places = _places(positions)
        behind = places > last if len(places) > last else places >= 0
        return positions + behind.to(positions)

    if last:
        yield from _positions(specimen, change)


@operator("positions of an item off by one", _POSITIONS, outside=True)
def _item_positions(specimen: Specimen) -> Iterator[Found]:
    first, last = specimen.placeholder

    def change(positions: torch.Tensor) -> torch.Tensor:
        places = _places(positions)
        return positions + ((places >= first) & (places <= last)).to(positions)

    if last:
        yield from _positions(specimen, change)


def _places(positions: torch.Tensor) -> torch.Tensor:
    """Where each token stands in a prompt that is sent by itself."""
    import torch

    return torch.arange(positions.shape[-1], device=positions.device)


@operator("positions start at one", _POSITIONS, outside=True)
def _first_position(specimen: Specimen) -> Iterator[Found]:
    """Not of a model that rotates: only differences of positions matter to it."""
    if not any(place.phase == "decoder" for place in rotations(specimen)):
        yield from _positions(specimen, lambda positions: positions + 1)


@operator("axes of positions exchanged", _POSITIONS, outside=True)
def _exchange_axes(specimen: Specimen) -> Iterator[Found]:
    """Time, height and width of m-rope; where there is one axis there is nothing to exchange."""

    def change(positions: torch.Tensor) -> torch.Tensor:
        if positions.ndim < 2:
            return positions
        return positions.flip(0) if len(positions) == 2 else positions[[0, 2, 1]]

    return _positions(specimen, change)


@operator("axes of positions left out", _POSITIONS, outside=True)
def _flat_positions(specimen: Specimen) -> Iterator[Found]:
    """Every axis as the first: m-rope as if it were rope."""

    def change(positions: torch.Tensor) -> torch.Tensor:
        return positions if positions.ndim < 2 else positions[:1].expand_as(positions).clone()

    return _positions(specimen, change)


@operator("positions through bfloat16", _POSITIONS, outside=True)
def _cast_positions(specimen: Specimen) -> Iterator[Found]:
    """Integers above 256 are rounded."""
    return _positions(specimen, lambda positions: positions.bfloat16().to(positions))


def _logits(specimen: Specimen, change: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[Found]:
    def make(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            logits = method(*args, **kwargs)
            return None if logits is None else change(logits)

        return call

    return _of_method(specimen, "compute_logits", _LOGPROBS, make)


@operator("logits off by 1%", _LOGITS)
def _scale_logits(specimen: Specimen) -> Iterator[Found]:
    return _logits(specimen, lambda logits: logits * 1.01)


@operator("logits capped", _LOGITS)
def _cap_logits(specimen: Specimen) -> Iterator[Found]:
    return _logits(specimen, lambda logits: 30.0 * (logits / 30.0).tanh())


@operator("logits shifted by one", _LOGITS)
def _shift_logits(specimen: Specimen) -> Iterator[Found]:
    return _logits(specimen, lambda logits: logits.roll(1, dims=-1))


@operator("logits through bfloat16", _LOGITS)
def _cast_logits(specimen: Specimen) -> Iterator[Found]:
    return _logits(specimen, lambda logits: logits.bfloat16().to(logits))


@operator("logits of the last tokens forbidden", _LOGITS)
def _forbid(specimen: Specimen) -> Iterator[Found]:
    """A vocabulary that ends too early."""

    def change(logits: torch.Tensor) -> torch.Tensor:
        logits = logits.clone()
        logits[..., -max(1, logits.shape[-1] // 16) :] = float("-inf")
        return logits

    return _logits(specimen, change)
