"""Names the first place where the two sides part: a module, or the edge before one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mmport.model.evidence import Divergence, Measurement, ModuleFigure, Outcome, Place, Stage
from mmport.verification.activations import (
    MERGED,
    Event,
    Status,
    by_layer,
    layer_of,
)

_ORDER = {stage: place for place, stage in enumerate(Stage)}
Modules = Mapping[str, Mapping[str, Any]]
"""By path: class, source of its `forward` (`workers/capture.py`)."""


def first_fault(events: Sequence[Event]) -> int | None:
    """The index of the first event that differs and whose difference lasts; None if none does.

    A module may give its result in another form (scaled later, another order of
    rows) without being wrong; then what follows agrees. Rows in another order
    count as a fault only if what follows them at once differs.
    """
    for place, event in enumerate(events):
        if event.status is Status.DIFFERS and not _recovers(events, place):
            while place and _leads_to(events[place - 1]):
                place -= 1
            while events[place].status is Status.UNKNOWN:
                place += 1
            return place
    last = next((event for event in reversed(events) if event.status is not Status.UNKNOWN), None)
    if last is not None and last.status is Status.REORDERED:
        return next(place for place, event in enumerate(events) if event is last)
    return None


def _leads_to(event: Event) -> bool:
    return event.status in (Status.REORDERED, Status.UNKNOWN)


def _recovers(events: Sequence[Event], place: int) -> bool:
    """Tell whether something through which all of an event's effect goes agrees again.

    So it is with the next layer of the same stack, and the one after it, as
    long as one follows the other at once: what stands beside each other in a
    list (projectors for several depths) has other calls in between. After the
    last layer it is what follows in the same part of the model, its final norm.
    """
    event = events[place]
    group = layer_of(event.hf)
    if event.stage is Stage.DECODER and _ends_well(events):
        return True
    if event.stage is Stage.MERGE and not event.subject:
        # Some scale embeddings in the table's own module, some afterwards.
        return any(
            later.subject == MERGED and later.status is Status.AGREES
            for later in events[place + 1 :]
        )
    for later in events[place + 1 :]:
        if later.subject or later.stage is not event.stage:
            return False
        following = layer_of(later.hf)
        if following != group:
            if not _follows(following, group):
                return False
            group = following
        if following != layer_of(event.hf) and later.status is Status.AGREES:
            return True
    return False


def _ends_well(events: Sequence[Event]) -> bool:
    """Tell whether the last that is known of the language model agrees: all goes through it."""
    inside = [one for one in events if one.stage is Stage.DECODER and one.kind == "output"]
    known = [one.status for one in inside if one.status is not Status.UNKNOWN]
    return bool(known) and known[-1] is Status.AGREES


def forms(events: Sequence[Event]) -> set[tuple[str, str]]:
    """Find what is only of another form on the two sides: it differs, and it does not last.

    Returns:
        HF's modules, each with `input` or `output`.
    """
    return {
        (event.hf, event.kind)
        for place, event in enumerate(events)
        if event.status is Status.DIFFERS and not event.subject and _recovers(events, place)
    }


def without(events: Sequence[Event], known: Collection[tuple[str, str]]) -> tuple[Event, ...]:
    """Leave what is of another form uncompared, in the scenarios too in which all differs."""
    return tuple(
        replace(
            event,
            compared=replace(
                event.compared, status=Status.UNKNOWN, detail="of another form on the two sides"
            ),
        )
        if (event.hf, event.kind) in known and event.status is Status.DIFFERS
        else event
        for event in events
    )


def _follows(later: str, layer: str) -> bool:
    """Tell whether a layer, or a module after the last one, continues a layer's stack."""
    stack, _, index = layer.rpartition(".")
    if not index.isdigit():
        return False
    other, _, number = later.rpartition(".")
    if number.isdigit():
        return other == stack and int(number) == int(index) + 1
    part = stack.rpartition(".")[0]
    return bool(part) and later.startswith(f"{part}.")


def divergence_of(
    events: Sequence[Event], scenario: str, hf: Modules, vllm: Modules
) -> Divergence | None:
    """Describe the first fault among the events of a scenario, if there is one."""
    place = first_fault(events)
    if place is None:
        return None
    event = events[place]
    common: dict[str, Any] = {
        "scenario": scenario,
        "figure": event.compared.figure,
        "bound": event.compared.bound,
    }
    if event.kind == "output":
        unknown = _input_of(events, place) is None
        note = "; what goes in could not be compared" if unknown else ""
        ours, theirs = (
            _place(event.hf, event.hf_shape, hf),
            _place(event.vllm, event.vllm_shape, vllm),
        )
        return Divergence(
            "node", event.stage, hf=ours, vllm=theirs, detail=event.compared.detail + note, **common
        )
    before = _before(events, place)
    return Divergence(
        "edge",
        Stage.MERGE if _crosses(before, event) else event.stage,
        hf=_called(event.hf, event.hf_shape, hf, event.hf_caller),
        vllm=_called(event.vllm, event.vllm_shape, vllm, event.vllm_caller),
        after_hf=_called(before.hf, before.hf_shape, hf, before.hf_caller) if before else None,
        after_vllm=_called(before.vllm, before.vllm_shape, vllm, before.vllm_caller)
        if before
        else None,
        detail=f"{event.subject}: {event.compared.detail}"
        if event.subject
        else event.compared.detail,
        **common,
    )


def _crosses(before: Event | None, event: Event) -> bool:
    """Tell whether the edge leads from the encoder's side into the language model."""
    return bool(
        before
        and event.stage is Stage.DECODER
        and before.stage in (Stage.ENCODER, Stage.MERGE)
        and not before.subject
    )


def _input_of(events: Sequence[Event], place: int) -> Event | None:
    event = events[place]
    for earlier in reversed(events[:place]):
        if (earlier.hf, earlier.vllm, earlier.kind) == (event.hf, event.vllm, "input"):
            return earlier if earlier.status is Status.AGREES else None
    return None


def _before(events: Sequence[Event], place: int) -> Event | None:
    """The last output before an event that agrees; None where it is the model's own input.

    What comes before the first module of an encoder are the items, whatever HF
    computed of the text until then.
    """
    event = events[place]
    for earlier in reversed(events[:place]):
        if earlier.kind != "output" or earlier.status is not Status.AGREES:
            continue
        if event.stage is not Stage.ENCODER or earlier.stage is Stage.ENCODER:
            return earlier
    return None


def _place(path: str, shape: tuple[int, ...], modules: Modules) -> Place:
    known = modules.get(path, {})
    return Place(path, known.get("kind", ""), shape, known.get("source", ""))


def _called(path: str, shape: tuple[int, ...], modules: Modules, caller: str) -> Place:
    return Place(path, modules.get(path, {}).get("kind", ""), shape, caller)


def module_figures(events: Sequence[Event], scenario: str) -> tuple[ModuleFigure, ...]:
    """The events as evidence keeps them."""
    agrees = {Status.AGREES: True, Status.DIFFERS: False}
    return tuple(
        ModuleFigure(
            event.stage,
            scenario,
            event.hf,
            event.vllm,
            event.kind,
            event.compared.figure,
            event.compared.floor,
            event.compared.bound,
            agrees.get(event.status),
            event.subject or event.compared.detail,
        )
        for event in events
    )


def measurements(events: Sequence[Event], scenario: str) -> list[Measurement]:
    """One measurement a layer: its worst event, which fails if its difference lasts."""
    lasting = {
        id(event)
        for place, event in enumerate(events)
        if event.status is Status.DIFFERS and not _recovers(events, place)
    }
    fault = first_fault(events)
    if fault is not None:
        lasting.add(id(events[fault]))
    measured = [
        _layer_measurement(stage, name, group, scenario, lasting)
        for (stage, name), group in by_layer(events).items()
    ]
    return sorted(measured, key=lambda one: _ORDER[one.stage])


def _layer_measurement(
    stage: Stage, name: str, group: Sequence[Event], scenario: str, lasting: set[int]
) -> Measurement:
    failed = [event for event in group if id(event) in lasting]
    if failed:
        first = failed[0]
        what = "" if first.subject else f"{first.kind} of {first.hf}: "
        return Measurement(
            stage,
            scenario,
            name,
            Outcome.FAILED,
            first.compared.figure,
            first.compared.bound,
            what + first.compared.detail,
            first.compared.floor,
        )
    agreed = [event for event in group if event.status is Status.AGREES]
    if not agreed:
        return Measurement(stage, scenario, name, Outcome.NOT_RUN, detail=group[0].compared.detail)
    worst = max(
        agreed, key=lambda event: (event.compared.figure or 0.0) / (event.compared.bound or 1.0)
    )
    return Measurement(
        stage,
        scenario,
        name,
        Outcome.PASSED,
        worst.compared.figure,
        worst.compared.bound,
        floor=worst.compared.floor,
    )
