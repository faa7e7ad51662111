"""Finds out which options a HF processor has, and a value of each that changes its output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .exchange import is_memory_error

if TYPE_CHECKING:
    import torch

Processed = tuple[list[int], "dict[str, torch.Tensor]"]

_HOLDERS = {
    "image": ("image_processor",),
    "video": ("video_processor", "image_processor"),
    "audio": ("feature_extractor", "audio_processor"),
}
# Of these the weights are of one value: another makes inputs that no model takes.
_OF_THE_WEIGHTS = ("patch_size", "merge", "pool", "downsample", "seq_length", "token", "feature")
_OF_THE_CALL = ("return_", "disable_", "data_format", "device", "do_sample_frames", "fps")
_HOW_MUCH = ("max", "min", "num", "size", "edge", "crop", "longest", "shortest")
_MOST_OPTIONS = 6
_OTHER_FILTER = {2: 3, 3: 2, 1: 3, 0: 2}
"""PIL's numbers of resampling filters: bilinear for bicubic and the other way round."""


def changing_options(
    processor: Any,
    kind: str,
    process: Callable[[Mapping[str, Any]], Processed],
    varying: frozenset[str],
) -> Iterator[dict[str, Any]]:
    """Give options, one in each mapping, that HF takes and that change what it makes.

    Args:
        processor: HF's.
        kind: of the item that `process` processes.
        process: gives HF's ids and tensors of one item with the options it is given.
        varying: names of tensors that come in any size, whatever the item's options.
    """
    plain = process({})
    found = 0
    for name, value in _candidates(processor, kind):
        if found == _MOST_OPTIONS:
            return
        option = {name: value}
        try:
            other = process(option)
        except Exception as error:
            if is_memory_error(error):
                raise
            continue
        if _can_be_run(plain, other, varying) and _differ(plain, other):
            found += 1
            yield option


def other_value(name: str, value: Any) -> Any | None:
    """Another value of a setting than the one that it has; None if none makes sense."""
    if isinstance(value, bool):
        return not value
    if name == "resample":
        return _OTHER_FILTER.get(int(value)) if isinstance(value, int) else None
    if not any(word in name for word in _HOW_MUCH):
        return None
    if isinstance(value, int):
        return _smaller(value)
    if isinstance(value, Mapping):
        sizes = {key: size for key, size in value.items() if type(size) is int}
        if sizes and all(size > 1 for size in sizes.values()):
            return {key: _smaller(size) for key, size in sizes.items()}
    return None


def _candidates(processor: Any, kind: str) -> Iterator[tuple[str, Any]]:
    held = (getattr(processor, name, None) for name in _HOLDERS[kind])
    holder = next((part for part in held if hasattr(part, "to_dict")), None)
    if holder is None:
        return
    settings = holder.to_dict()
    # How much is processed matters most: it decides over the number of tokens.
    for name in sorted(settings, key=lambda key: (key.startswith("do_"), key)):
        if any(word in name for word in _OF_THE_WEIGHTS) or name.startswith(_OF_THE_CALL):
            continue
        value = other_value(name, settings[name])
        if value is not None:
            yield name, value


def _smaller(size: int) -> int | None:
    return size // 2 if size > 1 else None


def _can_be_run(plain: Processed, other: Processed, varying: frozenset[str]) -> bool:
    """Tell whether the tensors keep the form that the model's weights want.

    The first dimensions count items, tiles and patches; the last two are those
    of a patch or an image, and where no size of an item changes them, no model
    takes others.
    """
    if set(plain[1]) - set(other[1]):
        return False
    return all(
        tensor.ndim == other[1][name].ndim
        and (name in varying or _tail(tensor) == _tail(other[1][name]))
        for name, tensor in plain[1].items()
        if tensor.is_floating_point()
    )


def _tail(tensor: torch.Tensor) -> Sequence[int]:
    return tuple(tensor.shape[-2:]) if tensor.ndim > 2 else tuple(tensor.shape[1:])


def _differ(plain: Processed, other: Processed) -> bool:
    import torch

    if plain[0] != other[0]:
        return True
    return any(
        other[1][name].shape != tensor.shape or not torch.equal(other[1][name], tensor)
        for name, tensor in plain[1].items()
    )
