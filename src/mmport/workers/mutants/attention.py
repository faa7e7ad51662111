"""Faults of attention and of positions inside it: scale, mask, window, rotation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from .patches import overwritten, patched, rewired
from .registry import Found, operator, stages_of
from .specimen import Place, Specimen

if TYPE_CHECKING:
    import torch
    from torch import nn

    Forward = Callable[..., Any]

_GROUP = "attention"
_SCALES = ("scale", "scaling", "softmax_scale")


def _attentions(specimen: Specimen) -> Iterator[tuple[Place, Any]]:
    """The innermost places that attend, and what holds their settings: the kernel's wrapper."""
    for place in specimen.running():
        if _attends(place.module) and not any(map(_attends, [*place.module.modules()][1:])):
            yield place, getattr(place.module, "impl", place.module)


def _attends(module: nn.Module) -> bool:
    return "attention" in type(module).__name__.lower()


def _with_setting(
    specimen: Specimen, names: tuple[str, ...], change: Callable[[Any], Any]
) -> Iterator[Found]:
    for place, holder in _attentions(specimen):
        for name in names:
            value = getattr(holder, name, None)
            if isinstance(value, (int, float)) and not isinstance(value, bool):

                def apply(holder: Any = holder, name: str = name, value: Any = value) -> Any:
                    return patched(holder, name, change(value))

                yield place.path, stages_of(specimen, place.path), apply
                break


@operator("attention scale of another head size", _GROUP)
def _head_scale(specimen: Specimen) -> Iterator[Found]:
    return _with_setting(specimen, _SCALES, lambda value: value * 2**0.5)


@operator("attention scale off by 1%", _GROUP)
def _near_scale(specimen: Specimen) -> Iterator[Found]:
    return _with_setting(specimen, _SCALES, lambda value: value * 1.01)


@operator("attention scale missing", _GROUP)
def _no_scale(specimen: Specimen) -> Iterator[Found]:
    return _with_setting(specimen, _SCALES, lambda value: 1.0)


@operator("softcap of attention", _GROUP)
def _softcap(specimen: Specimen) -> Iterator[Found]:
    """One of 5 where there is none, and none where there is one."""
    return _with_setting(specimen, ("logits_soft_cap",), lambda value: 0 if value else 5.0)


@operator("window of attention", _GROUP)
def _window(specimen: Specimen) -> Iterator[Found]:
    """One of four tokens where there is none, and none where there is one."""
    return _with_setting(specimen, ("sliding_window",), lambda value: -1 if value > 0 else 4)


@operator("causal attention in the encoder", _GROUP)
def _causal(specimen: Specimen) -> Iterator[Found]:
    """Whatever calls torch's attention below a module calls it with a causal mask."""
    from torch.nn import functional

    attend = functional.scaled_dot_product_attention

    def masked(*args: Any, **kwargs: Any) -> Any:
        given = kwargs | {"is_causal": True, "attn_mask": None}
        return attend(*args[:3], **given)

    def make(forward: Forward) -> Forward:
        def call(*args: Any, **kwargs: Any) -> Any:
            with patched(functional, "scaled_dot_product_attention", masked):
                return forward(*args, **kwargs)

        return call

    for place, _ in _attentions(specimen):
        if place.phase == "encoder" and not specimen.is_shared(place):

            def apply(place: Place = place) -> Any:
                return rewired(place.module, make)

            yield place.path, stages_of(specimen, place.path), apply


@operator("causal attention left out", _GROUP)
def _full(specimen: Specimen) -> Iterator[Found]:
    """Each token of the prompt sees those after it, too: the last heads' values are of all."""
    from .calls import with_first

    def make(forward: Forward) -> Forward:
        def call(*args: Any, **kwargs: Any) -> Any:
            def look_ahead(value: torch.Tensor) -> torch.Tensor:
                ahead = value.flip(0).cumsum(0).flip(0) if len(value) > 1 else value
                counts = value.new_tensor(range(len(value), 0, -1)).reshape(
                    -1, *[1] * (value.ndim - 1)
                )
                return value if len(value) == 1 else 0.5 * value + 0.5 * ahead / counts

            return with_first(forward(*args, **kwargs), look_ahead)

        return call

    for place, holder in _attentions(specimen):
        if place.phase == "decoder" and holder is not place.module:

            def apply(place: Place = place) -> Any:
                return rewired(place.module, make)

            yield place.path, stages_of(specimen, place.path), apply


def rotations(specimen: Specimen) -> Iterator[Place]:
    """Modules that rotate, or compute the angles for it; a shared one once."""
    seen: set[int] = set()
    for place in specimen.running():
        tables = any(name in ("cos_sin_cache", "inv_freq") for name in dict(_buffers(place)))
        if tables and id(place.module) not in seen:
            seen.add(id(place.module))
            yield place


def _buffers(place: Place) -> list[tuple[str, torch.Tensor]]:
    return [
        (name, value)
        for name, value in place.module.named_buffers(recurse=False)
        if value.is_floating_point()
    ]


def _with_tables(
    specimen: Specimen, change: Callable[[str, torch.Tensor], torch.Tensor]
) -> Iterator[Found]:
    for place in rotations(specimen):

        def apply(place: Place = place) -> Any:
            stack = ExitStack()
            for name, table in _buffers(place):

                def write(name: str = name, table: torch.Tensor = table) -> object:
                    return table.copy_(change(name, table.clone()))

                stack.enter_context(overwritten(write, table))
            return stack

        yield place.path, stages_of(specimen, place.path), apply


@operator("base of the rotation doubled", _GROUP)
def _rope_base(specimen: Specimen) -> Iterator[Found]:
    import torch

    def change(name: str, table: torch.Tensor) -> torch.Tensor:
        if name != "cos_sin_cache":
            count = table.shape[-1]
            return table * 2.0 ** -(torch.arange(count, device=table.device) / count).to(table)
        half = table.shape[-1] // 2
        angles = torch.atan2(table[1, half:].double(), table[1, :half].double())
        angles = angles * 2.0 ** -(torch.arange(half).double() / half)
        turned = torch.arange(len(table)).double()[:, None] * angles
        return torch.cat((turned.cos(), turned.sin()), -1).to(table)

    return _with_tables(specimen, change)


@operator("layout of the rotation", _GROUP)
def _rope_layout(specimen: Specimen) -> Iterator[Found]:
    seen: set[int] = set()
    for place in specimen.running():
        style = vars(place.module).get("is_neox_style")
        if not isinstance(style, bool) or not _turns(place) or id(place.module) in seen:
            continue
        seen.add(id(place.module))

        def apply(place: Place = place) -> Any:
            stack = ExitStack()
            for holder in (place.module, *place.module.children()):
                style = vars(holder).get("is_neox_style")
                if isinstance(style, bool):
                    stack.enter_context(patched(holder, "is_neox_style", not style))
            return stack

        yield place.path, stages_of(specimen, place.path), apply


def _turns(place: Place) -> bool:
    return {"query", "key"} <= set(place.arguments) or "positions" in place.arguments


def _of_rotations(specimen: Specimen, make: Callable[[Forward], Forward]) -> Iterator[Found]:
    seen: set[int] = set()
    for place in specimen.running():
        if place.arguments[:3] == ("positions", "query", "key") and id(place.module) not in seen:
            seen.add(id(place.module))

            def apply(place: Place = place) -> Any:
                return rewired(place.module, make)

            yield place.path, stages_of(specimen, place.path), apply


@operator("keys rotated by one position less", _GROUP)
def _rope_keys(specimen: Specimen) -> Iterator[Found]:
    def make(forward: Forward) -> Forward:
        def call(positions: Any, query: Any, key: Any = None, *args: Any, **kwargs: Any) -> Any:
            if key is None:
                return forward(positions, query, key, *args, **kwargs)
            _, turned = forward(positions, query.clone(), key.clone(), *args, **kwargs)
            ahead, _ = forward(positions + 1, query.clone(), key.clone(), *args, **kwargs)
            return ahead, turned

        return call

    return _of_rotations(specimen, make)


@operator("rotation left out", _GROUP)
def _no_rope(specimen: Specimen) -> Iterator[Found]:
    def make(forward: Forward) -> Forward:
        def call(positions: Any, query: Any, key: Any = None, *args: Any, **kwargs: Any) -> Any:
            return query, key

        return call

    return _of_rotations(specimen, make)
