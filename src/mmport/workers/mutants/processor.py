"""Faults of preprocessing: an image processor's settings, and what becomes of a prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .patches import patched_alike
from .registry import Found, operator
from .specimen import Specimen

_SETTINGS = "preprocessing"
_PROMPT = "prompt"
_STAGE = ("processor",)
_PARTS = ("processor", "scenarios")
_WORKERS = ("image_processor", "video_processor", "feature_extractor", "audio_processor")


def _workers(specimen: Specimen) -> dict[str, list[Any]]:
    """What processes the items, by name: the engine may have made several of each."""
    found: dict[str, list[Any]] = {}
    for processor in specimen.processors:
        try:
            own = processor.info.get_hf_processor()
        except (AttributeError, TypeError, ValueError):
            continue  # some classes have a processor of their own
        for name in _WORKERS:
            worker = getattr(own, name, None)
            if worker is not None and all(worker is not other for other in found.get(name, [])):
                found.setdefault(name, []).append(worker)
    return found


def _setting(specimen: Specimen, name: str, change: Callable[[Any], Any | None]) -> Iterator[Found]:
    """Mutants with another value of a setting; None where there is none to take."""
    for worker, instances in _workers(specimen).items():
        values = [getattr(instance, name, None) for instance in instances]
        if values[0] is None or change(values[0]) is None:
            continue

        def apply(instances: list[Any] = instances) -> Any:
            return patched_alike(instances, name, change)

        yield f"{worker}.{name}", _STAGE, apply


@operator("normalised by another mean", _SETTINGS, parts=_PARTS)
def _mean(specimen: Specimen) -> Iterator[Found]:
    return _setting(specimen, "image_mean", lambda mean: [value + 0.02 for value in _list(mean)])


@operator("normalised by another deviation", _SETTINGS, parts=_PARTS)
def _deviation(specimen: Specimen) -> Iterator[Found]:
    return _setting(specimen, "image_std", lambda std: [value * 1.02 for value in _list(std)])


@operator("means of the colours in reverse", _SETTINGS, parts=_PARTS)
def _reverse_mean(specimen: Specimen) -> Iterator[Found]:
    return _setting(specimen, "image_mean", lambda mean: _list(mean)[::-1])


def _list(value: Any) -> list[float]:
    return [float(part) for part in value] if isinstance(value, (list, tuple)) else [float(value)]


@operator("resampled by another filter", _SETTINGS, parts=_PARTS)
def _filter(specimen: Specimen) -> Iterator[Found]:
    def change(resample: Any) -> Any:
        from PIL.Image import Resampling

        bilinear, bicubic = Resampling.BILINEAR, Resampling.BICUBIC
        return bilinear if int(resample) == bicubic else bicubic

    return _setting(specimen, "resample", change)


@operator("rescaled by another factor", _SETTINGS, parts=_PARTS)
def _factor(specimen: Specimen) -> Iterator[Found]:
    return _setting(specimen, "rescale_factor", lambda factor: factor * 255.0 / 256.0)


@operator("rescaled twice", _SETTINGS, parts=_PARTS)
def _twice(specimen: Specimen) -> Iterator[Found]:
    return _setting(specimen, "rescale_factor", lambda factor: factor * factor)


def _enter_flags() -> None:
    for flag in ("do_normalize", "do_rescale", "do_resize", "do_center_crop", "do_pad"):

        def find(specimen: Specimen, flag: str = flag) -> Iterator[Found]:
            return _setting(
                specimen, flag, lambda value: not value if isinstance(value, bool) else None
            )

        operator(f"{flag} the other way", _SETTINGS, parts=_PARTS)(find)


_enter_flags()


@operator("sound of another sampling rate", _SETTINGS, parts=_PARTS)
def _rate(specimen: Specimen) -> Iterator[Found]:
    return _setting(specimen, "hop_length", lambda hop: hop + 1)


def _outputs(specimen: Specimen, change: Callable[[Any], Any]) -> Iterator[Found]:
    """Change pixels as they come out of the image or video processor."""
    import torch

    for name, instances in _workers(specimen).items():
        if not any(hasattr(instance, "preprocess") for instance in instances):
            continue

        def make(preprocess: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                outputs = preprocess(*args, **kwargs)
                for key in [key for key in outputs if "pixel" in key and "mask" not in key]:
                    value = outputs[key]
                    if isinstance(value, torch.Tensor):
                        outputs[key] = change(value)
                    elif isinstance(value, list):
                        outputs[key] = [
                            change(item) if isinstance(item, torch.Tensor) else item
                            for item in value
                        ]
                return outputs

            return call

        def apply(instances: list[Any] = instances) -> Any:
            return patched_alike(instances, "preprocess", make)

        yield name, _STAGE, apply


@operator("colours of pixels in reverse", _SETTINGS, parts=_PARTS)
def _bgr(specimen: Specimen) -> Iterator[Found]:
    def change(pixels: Any) -> Any:
        channels = next(
            (place for place, size in enumerate(pixels.shape) if size == 3 and place), None
        )
        if channels is not None:
            return pixels.flip(channels)
        if pixels.ndim == 2 and pixels.shape[1] % 3 == 0:  # flat patches, channels first
            return pixels.reshape(len(pixels), 3, -1).flip(1).reshape(pixels.shape)
        return pixels

    return _outputs(specimen, change)


@operator("tiles or patches in reverse", _SETTINGS, parts=_PARTS)
def _tile_order(specimen: Specimen) -> Iterator[Found]:
    def change(pixels: Any) -> Any:
        tiles = pixels.ndim - 4 if pixels.ndim > 4 else 0
        return pixels.flip(tiles)

    return _outputs(specimen, change)


@operator("pixels through bfloat16", _SETTINGS, parts=_PARTS)
def _cast(specimen: Specimen) -> Iterator[Found]:
    return _outputs(specimen, lambda pixels: pixels.bfloat16().to(pixels.dtype))


@operator("picture shifted by one pixel", _SETTINGS, parts=_PARTS)
def _shift(specimen: Specimen) -> Iterator[Found]:
    return _outputs(specimen, lambda pixels: pixels.roll(1, dims=-1))


def _prompts(specimen: Specimen, change: Callable[[Any], None]) -> Iterator[Found]:
    """Change the processed prompt: its ids and the placeholders' places in it."""

    def make(apply_processor: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            result = apply_processor(*args, **kwargs)
            if result.get("mm_placeholders"):
                change(result)
            return result

        return call

    if specimen.processors:
        yield "apply", _STAGE, lambda: patched_alike(specimen.processors, "apply", make)


def _edit(result: Any, place: int, remove: int, insert: list[int]) -> None:
    """Replace ids at a place; placeholders behind it move, one around it changes its length."""
    from dataclasses import replace

    ids = list(result["prompt_token_ids"])
    ids[place : place + remove] = insert
    result["prompt_token_ids"] = ids
    shift = len(insert) - remove
    for kind, ranges in result["mm_placeholders"].items():
        moved = []
        for found in ranges:
            if found.offset <= place < found.offset + found.length:
                found = _resized(found, place - found.offset, shift)
            elif found.offset >= place:
                found = replace(found, offset=found.offset + shift)
            moved.append(found)
        result["mm_placeholders"][kind] = moved


def _resized(found: Any, place: int, shift: int) -> Any:
    from dataclasses import replace

    import torch

    mask = found.is_embed
    if mask is not None:
        own = mask[place : place + 1]
        kept = (
            (mask[:place], own, own, mask[place + 1 :])
            if shift > 0
            else (mask[:place], mask[place + 1 :])
        )
        mask = torch.cat(kept)
    return replace(found, length=found.length + shift, is_embed=mask)


def _first_range(result: Any) -> Any:
    ranges = [found for kind in result["mm_placeholders"].values() for found in kind]
    return min(ranges, key=lambda found: found.offset)


def _embedded(found: Any) -> int:
    """The last position in a range that takes an embedding."""
    if found.is_embed is None:
        return int(found.offset + found.length - 1)
    return int(found.offset + found.is_embed.nonzero().reshape(-1)[-1])


@operator("one placeholder fewer", _PROMPT, parts=_PARTS)
def _fewer(specimen: Specimen) -> Iterator[Found]:
    return _prompts(specimen, lambda result: _edit(result, _embedded(_first_range(result)), 1, []))


@operator("one placeholder more", _PROMPT, parts=_PARTS)
def _more(specimen: Specimen) -> Iterator[Found]:
    def change(result: Any) -> None:
        place = _embedded(_first_range(result))
        token = result["prompt_token_ids"][place]
        _edit(result, place, 1, [token, token])

    return _prompts(specimen, change)


@operator("first token of a prompt doubled", _PROMPT, parts=_PARTS)
def _double_first(specimen: Specimen) -> Iterator[Found]:
    def change(result: Any) -> None:
        if _first_range(result).offset > 0:
            token = result["prompt_token_ids"][0]
            _edit(result, 0, 1, [token, token])

    return _prompts(specimen, change)


@operator("separator token missing", _PROMPT, parts=_PARTS)
def _separator(specimen: Specimen) -> Iterator[Found]:
    """A token inside an item's range that takes no embedding; many models have none."""

    def change(result: Any) -> None:
        found = _first_range(result)
        if found.is_embed is None or bool(found.is_embed.all()):
            return
        place = int((~found.is_embed).nonzero().reshape(-1)[0])
        _edit(result, found.offset + place, 1, [])

    return _prompts(specimen, change)


@operator("placeholders one position early", _PROMPT, parts=_PARTS)
def _early(specimen: Specimen) -> Iterator[Found]:
    """The ids are right, and the features go one position before their place."""

    def change(result: Any) -> None:
        from dataclasses import replace

        if _first_range(result).offset == 0:
            return
        for kind, ranges in result["mm_placeholders"].items():
            result["mm_placeholders"][kind] = [
                replace(found, offset=found.offset - 1) for found in ranges
            ]

    return _prompts(specimen, change)


@operator("items of a prompt exchanged", _PROMPT, parts=_PARTS, scenarios=("items",))
def _items(specimen: Specimen) -> Iterator[Found]:
    """Each item's values in the place of another one's."""

    def change(result: Any) -> None:
        from vllm.multimodal.inputs import MultiModalKwargsItems

        kinds = {
            kind: list(items)[::-1] if None not in list(items) else list(items)
            for kind, items in result["mm_kwargs"].items()
        }
        result["mm_kwargs"] = MultiModalKwargsItems(kinds)

    return _prompts(specimen, change)
