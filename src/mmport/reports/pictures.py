"""What each side's processor made of an item, as pictures, and where they differ."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmport.reports.layouts import Layout, find_layout
from mmport.reports.png import data_uri
from mmport.verification.stage_files import StageFiles

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

_MOST_CASES = 3
_LARGEST_SIDE = 640
"""Pixels of a picture's side; a larger one is thinned out."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One tensor of one processor case as both sides have it.

    The pictures are addresses with the data in them (`data:`); empty where
    there is none, `vllm` also where it is equal to `hf`. `note` says what is
    seen, or why nothing is.
    """

    case: str
    tensor: str
    hf: str = ""
    vllm: str = ""
    difference: str = ""
    note: str = ""
    factor: float | None = None
    """By how much the difference is amplified; None where nothing is to be seen."""
    largest: float | None = None
    """The largest absolute difference, in the tensor's own unit; None: not comparable."""


def collect_pictures(
    reference: Path, candidate: Path, failing: Collection[str] = ()
) -> tuple[Picture, ...]:
    """Make the pictures of a few cases, those that failed before the others.

    Args:
        reference: the folder of HF's answers.
        candidate: the folder of the engine's answers.
        failing: names of the cases that failed.
    """
    sides = StageFiles(reference), StageFiles(candidate)
    if not all((side.folder / "processor.safetensors").is_file() for side in sides):
        return ()
    ours, theirs = (_by_case(side) for side in sides)
    names = sorted(_cases(sides[0], ours), key=lambda case: case not in failing)
    shown = [case for case in names if case in theirs][:_MOST_CASES]
    return tuple(picture for case in shown for picture in _of_case(case, ours[case], theirs[case]))


def _by_case(side: StageFiles) -> dict[str, dict[str, Array]]:
    cases: dict[str, dict[str, Array]] = {}
    for name, values in side.tensors("processor").items():
        case, _, key = name.rpartition("/")
        cases.setdefault(case, {})[key] = values
    return cases


def _cases(side: StageFiles, found: Mapping[str, object]) -> list[str]:
    """Cases in the order in which they were asked; a safetensors file keeps none."""
    asked = [case for case in side.document("processor") or {} if case in found]
    return asked + sorted(found.keys() - set(asked))


def _of_case(
    case: str, ours: Mapping[str, Array], theirs: Mapping[str, Array]
) -> Iterator[Picture]:
    for tensor, values in ours.items():
        if values.dtype.kind != "f" or values.size == 0 or tensor not in theirs:
            continue
        layout = find_layout(values, ours)
        if layout is not None:
            yield _picture(case, tensor, layout, values, theirs)
        elif values.size > 64:
            note = f"a tensor of shape {list(values.shape)} cannot be shown as a picture"
            yield Picture(case, tensor, note=note)


def _picture(
    case: str, tensor: str, layout: Layout, ours: Array, others: Mapping[str, Array]
) -> Picture:
    import numpy as np

    theirs = others[tensor]
    if theirs.size == ours.size:
        theirs = theirs.reshape(ours.shape)
        with np.errstate(invalid="ignore"):
            apart = np.abs(ours - theirs)
        return _compared(case, tensor, layout, ours, theirs, apart)
    own = find_layout(theirs, others)
    low, high = _range(ours, theirs)
    note = f"HF: {layout.told}; vLLM: {own.told if own else 'a tensor'} of another size"
    return Picture(
        case,
        tensor,
        hf=_address(layout, ours, low, high),
        vllm=_address(own, theirs, low, high) if own else "",
        note=f"{note} ({list(theirs.shape)}, HF {list(ours.shape)})",
    )


def _compared(
    case: str, tensor: str, layout: Layout, ours: Array, theirs: Array, apart: Array
) -> Picture:
    import numpy as np

    low, high = _range(ours, theirs)
    finite = np.isfinite(apart)
    largest = float(apart[finite].max(initial=0.0))
    # The difference is white where it is largest.
    factor = (high - low) / largest if largest else None
    note = layout.told
    if not finite.all():
        note += f"; {int((~finite).sum())} values are not finite on one side, shown in mid-grey"
    return Picture(
        case,
        tensor,
        hf=_address(layout, ours, low, high),
        # What is equal is drawn, and kept, once.
        vllm=""
        if np.array_equal(ours, theirs, equal_nan=True)
        else _address(layout, theirs, low, high),
        difference=_address(layout, apart, 0.0, largest, largest=True) if factor else "",
        note=note,
        factor=factor,
        largest=largest,
    )


def _range(*sides: Array) -> tuple[float, float]:
    """The smallest and the largest number on either side: black and white."""
    import numpy as np

    finite = [side[np.isfinite(side)] for side in sides]
    low = min((float(values.min()) for values in finite if values.size), default=0.0)
    high = max((float(values.max()) for values in finite if values.size), default=1.0)
    return low, high if high > low else low + 1.0


def _address(
    layout: Layout, values: Array, low: float, high: float, *, largest: bool = False
) -> str:
    """Draw a tensor; what is no number is mid-grey, and gaps let the page through."""
    import numpy as np

    gaps: Array = np.isnan(layout.arrange(np.zeros_like(values)))[..., :1]
    known = np.where(np.isfinite(values), values, (low + high) / 2)
    picture = layout.arrange(known)
    step = -(-max(picture.shape[:2]) // _LARGEST_SIDE)
    thin = _largest_of if largest else _one_of
    share = (thin(np.nan_to_num(picture, nan=low), step) - low) / (high - low)
    pixels = (share.clip(0.0, 1.0) * 255).round().astype(np.uint8)
    if not gaps.any():
        return data_uri(pixels)
    colour = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    alpha = np.where(_one_of(gaps, step), 0, 255).astype(np.uint8)
    return data_uri(np.concatenate([colour, alpha], axis=-1))


def _one_of(picture: Array, step: int) -> Array:
    """One pixel of each square of `step`·`step`."""
    return picture[::step, ::step]


def _largest_of(picture: Array, step: int) -> Array:
    """The largest value of each square: no single pixel that differs may be lost."""
    import numpy as np

    height, width, channels = picture.shape
    padding = ((0, -height % step), (0, -width % step), (0, 0))
    padded = np.pad(picture, padding, mode="edge")
    squares = padded.reshape(len(padded) // step, step, -1, step, channels)
    most: Array = squares.max((1, 3))
    return most
