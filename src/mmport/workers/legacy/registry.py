"""Asks an old engine's registries what an engine asks them, and more than the CPU's engine does.

That one never asks for the dummy data by which others measure memory, nor for
the maximum of tokens that they plan for: a class with wrong ones serves there.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..exchange import is_memory_error, write_stage
from ..processor_search import ask
from ..vllm_processing import text_of
from .context import Context
from .dummy import Dummy
from .search import LegacySearch

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from .scenarios import LegacyRunner

Check = dict[str, Any]


def asked_of_registry(context: Context) -> dict[str, Any]:
    """Ask all that can be asked without the model.

    Returns:
        `checks`, each with a `subject`, its `problems` and a `note`, or why it is
        `unavailable`; `modalities` as for today's engines (`budget.py`); and the
        `dummy` data. Or only why the registries have no part in this class.
    """
    if context.follows_newer:
        return {"unavailable": context.follows_newer}
    checks = [_tried("limits per prompt", lambda: _limits(context))]
    for modality in _modalities(context):
        kind = modality["kind"]
        checks.append(_tried(f"{kind} mapper", lambda m=modality: _mapper(context, m)))
        checks.append(_tried(f"{kind} batch", lambda m=modality: _batch(context, m)))
    dummy = Dummy(context)
    checks.append(_tried("maximum of a prompt", lambda: _maximum(context, dummy)))
    checks += [_tried(f"{kind} dummy", lambda k=kind: _dummy(dummy, k)) for kind in dummy.limits]
    found = {
        modality["kind"]: LegacySearch(context, dummy, modality).entry()
        for modality in _modalities(context)
    }
    return {"checks": checks, "modalities": found, "dummy": dummy}


def write_budget_stage(
    asked: dict[str, Any], runner: LegacyRunner | None, context: Context, out: Path
) -> None:
    """Have the dummy data run through the model, if it runs, and write all that was found."""
    if "unavailable" in asked:
        write_stage(out, "budget", asked)
        return
    dummy: Dummy = asked["dummy"]
    if runner is None:
        forward = {"subject": "dummy forward", "unavailable": "the model was not asked for"}
    else:
        forward = _tried("dummy forward", lambda: dummy.forward(runner))
    document = {
        "counts": "tokens",
        "modalities": asked["modalities"],
        "checks": [*asked["checks"], forward],
    }
    write_stage(out, "budget", document)


def _tried(subject: str, check: Any) -> Check:
    """Make a check; what it raises is a problem, and what is no check says why."""
    try:
        found = check()
    except Exception as error:
        if is_memory_error(error):
            raise
        return {"subject": subject, "problems": [f"{type(error).__name__}: {error}"], "note": ""}
    if isinstance(found, str):
        return {"subject": subject, "unavailable": found}
    problems, note = found
    return {"subject": subject, "problems": problems, "note": note}


def _modalities(context: Context) -> list[Mapping[str, Any]]:
    """Those that the model is asked about and the release has a plugin for."""
    asked = context.payload["processor_search"]["modalities"]
    return [one for one in asked if context.plugin(one["kind"]) is not None]


def _limits(context: Context) -> tuple[list[str], str] | str:
    """`init_mm_limits_per_prompt` and `get_mm_limits_per_prompt`: what was asked for holds."""
    if not context.limits_items:
        return "this release has no limits per prompt"
    given = context.limits
    wanted: Mapping[str, int] = context.payload["limit_mm_per_prompt"]
    problems = [
        f"{most} {kind} items, {wanted[kind]} were asked for"
        for kind, most in given.items()
        if most != wanted[kind]
    ]
    for modality in _modalities(context):
        problems += _more_than(context, modality, given[modality["kind"]])
    return problems, ", ".join(f"{kind}: {most}" for kind, most in given.items())


def _more_than(context: Context, modality: Mapping[str, Any], limit: int) -> list[str]:
    items = [_typical(modality, seed) for seed in range(limit + 1)]
    try:
        context.mapped(context.data(items), {})
    except ValueError:
        return []
    return [f"{limit + 1} {modality['kind']} items are mapped, the limit is {limit}"]


def _mapper(context: Context, modality: Mapping[str, Any]) -> tuple[list[str], str]:
    """`create_input_mapper` and `map_input` agree, and `forward` takes what they give."""
    data = _processed(context, modality, [_typical(modality, 1)])
    by_mapper = context.mapped(data, {})
    by_registry = dict(context.registry.map_input(context.config, data))
    problems = []
    if _sizes(by_mapper) != _sizes(by_registry):
        problems.append(f"map_input gives {_sizes(by_registry)}, the mapper {_sizes(by_mapper)}")
    if not by_mapper:
        problems.append("nothing is made of the item")
    parameters = inspect.signature(context.model_class.forward).parameters.values()
    if all(one.kind is not one.VAR_KEYWORD for one in parameters):
        known = {one.name for one in parameters}
        problems += [f"forward takes no {name}" for name in by_mapper if name not in known]
    return problems, ", ".join(f"{name} {size}" for name, size in _sizes(by_mapper).items())


def _batch(context: Context, modality: Mapping[str, Any]) -> tuple[list[str], str]:
    """`batch` puts requests together and loses nothing, whatever their items' sizes."""
    import vllm.multimodal as multimodal

    kind = getattr(multimodal, "MultiModalKwargs", None) or multimodal.MultiModalInputs
    others = (_typical(modality, 1), _typical(modality, 2), _typical(modality, 3, scale=0.5))
    requests = [context.mapped(_processed(context, modality, [one]), {}) for one in others]
    # The first releases are told where the batch goes.
    where = {"device": "cpu"} if "device" in inspect.signature(kind.batch).parameters else {}
    problems, shapes = [], []
    for chosen in (requests[:2], requests):
        batch = kind.batch([kind(request) for request in chosen], **where)
        for name in chosen[0]:
            before = sum(_elements(request[name]) for request in chosen)
            if _elements(batch[name]) != before:
                problems.append(f"{name}: {_elements(batch[name])} elements of {before}")
            shapes.append(f"{name} {_size(batch[name])}")
    return problems, "; ".join(shapes)


def _maximum(context: Context, dummy: Dummy) -> tuple[list[str], str]:
    """`get_max_multimodal_tokens` is what the plugins declare, times their limits."""
    whole = context.registry.get_max_multimodal_tokens(context.config)
    parts = {kind: dummy.declared(kind) * limit for kind, limit in dummy.limits.items()}
    told = " + ".join(f"{part} of {kind}" for kind, part in parts.items())
    problems = [] if whole == sum(parts.values()) else [f"{whole}, and it is {told}"]
    return problems, f"{whole} tokens: {told}"


def _dummy(dummy: Dummy, kind: str) -> tuple[list[str], str] | str:
    """`dummy_data_for_profiling` holds as many placeholders as are planned for, and items."""
    if dummy.token_ids.get(kind) is None:
        return "it is not known which token stands for the items"
    limit, declared = dummy.limits[kind], dummy.declared(kind)
    placeholders, items = dummy.placeholders(kind), len(dummy.items(kind))
    told = f"{placeholders} placeholders and {items} items, {limit} of {declared} are planned for"
    return ([] if (placeholders, items) == (limit * declared, limit) else [told]), told


def _typical(modality: Mapping[str, Any], seed: int, scale: float = 1.0) -> dict[str, Any]:
    item = {"kind": modality["kind"], "seed": seed}
    if modality["kind"] == "audio":
        return {**item, "seconds": modality["seconds"] * scale, "rate": modality["rate"]}
    sides = {name: max(1, round(modality[name] * scale)) for name in ("width", "height")}
    return {**item, **sides, "frames": modality["frames"]}


def _processed(
    context: Context, modality: Mapping[str, Any], items: list[dict[str, Any]]
) -> dict[str, Any]:
    """Items as the class's input processor leaves them."""
    request = ask(context.payload["processor_search"], modality, items)
    text = text_of(request, context.payload)
    data: dict[str, Any] = context.processed(text, context.data(items), {})["multi_modal_data"]
    return data


def _sizes(made: Mapping[str, Any]) -> dict[str, str]:
    return {name: _size(value) for name, value in made.items()}


def _size(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_size(part) for part in value)}]"
    return str(list(getattr(value, "shape", ())))


def _elements(value: Any) -> int:
    return sum(part.numel() for part in _tensors(value))


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    import torch

    if isinstance(value, Sequence):
        for part in value:
            yield from _tensors(part)
    else:
        yield torch.as_tensor(value)
