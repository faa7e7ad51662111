"""Judges the weights: every element of the checkpoint accounted for once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations
from typing import Any

from mmport.model.evidence import Measurement, Stage
from mmport.verification.depth import unbuilt_layers
from mmport.verification.judging import Judge

_JUDGE = Judge(Stage.WEIGHTS, "load")
_ENCODER_JUDGE = Judge(Stage.ENCODER, "load")


def judge_weights(
    trace: dict[str, Any], unused: Iterable[str], encoder: str
) -> tuple[Measurement, ...]:
    """Judge where a traced load put the checkpoint.

    Args:
        trace: what `workers/weight_trace.py` found.
        unused: checkpoint tensors that HF's own outputs do not depend on.
        encoder: name of the encoder's module, as it stands in tensor names.
            Layers of it that were not built count against the encoder.
    """
    missing = _missing(trace, set(unused))
    shallow = unbuilt_layers(
        (name for name in missing if encoder in name.split(".")),
        (name for name in _parameters(trace) if encoder in name.split(".")),
    )
    excused = {tensor for tensors in shallow.values() for tensor in tensors}
    lost = [f"{tensor}: not loaded, and HF uses it" for tensor in missing if tensor not in excused]
    return (
        _JUDGE.exact("checkpoint elements", lost + _partial(trace)),
        _JUDGE.exact("parameters filled", _unfilled(trace)),
        _JUDGE.exact("fused order", _out_of_order(trace)),
        _JUDGE.exact("names", _crossed(trace)),
        _ENCODER_JUDGE.exact(
            "depth", [f"{layer} is not built, and HF uses it" for layer in shallow]
        ),
    )


def _parameters(trace: dict[str, Any]) -> set[str]:
    return {landing["parameter"] for landing in trace["landings"]} | set(trace["unfilled"])


def _missing(trace: dict[str, Any], unused: set[str]) -> list[str]:
    """List tensors that landed nowhere, and that HF uses."""
    landed = {landing["tensor"] for landing in trace["landings"]}
    missing = [
        tensor
        for tensor in trace["tensors"]
        if tensor not in landed and tensor not in unused and not _is_tied(tensor, trace["aliases"])
    ]
    # A loader may compute with what it loads (a sign, an exponential): then the
    # values are no longer those that identify a tensor, and only their number tells.
    altered = sum(trace["altered"].values())
    return [] if sum(trace["tensors"][name] for name in missing) == altered else missing


def _partial(trace: dict[str, Any]) -> list[str]:
    """Find tensors that landed in part, or more than once."""
    landed: dict[str, int] = defaultdict(int)
    distinct: dict[str, int] = defaultdict(int)
    for landing in trace["landings"]:
        landed[landing["tensor"]] += landing["elements"]
        distinct[landing["tensor"]] += landing.get("distinct", landing["elements"])
    problems = []
    for tensor, elements in landed.items():
        size = trace["tensors"][tensor]
        if distinct[tensor] < size:
            problems.append(f"{tensor}: {distinct[tensor]} of {size} elements loaded")
        elif elements > size:
            problems.append(f"{tensor}: loaded more than once")
    return problems


def _is_tied(tensor: str, aliases: dict[str, str]) -> bool:
    """Tell whether a tensor's place is one that shares an already filled parameter."""
    ending = ".".join(tensor.split(".")[-2:])
    return any(alias.endswith(ending) for alias in aliases)


def _unfilled(trace: dict[str, Any]) -> list[str]:
    return [f"{name}: {count} elements" for name, count in trace["unfilled"].items()]


def _out_of_order(trace: dict[str, Any]) -> list[str]:
    """Compare the order in which parts were fused with what the class declares."""
    parts: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for landing in trace["landings"]:
        parts[landing["parameter"]].append((landing["first"], landing["tensor"]))
    problems = []
    for parameter, sources in parts.items():
        module = parameter.split(".")[-2] if "." in parameter else parameter
        declared = trace["packed"].get(module, [])
        found = [
            part for _, tensor in sorted(sources) for part in tensor.split(".") if part in declared
        ]
        if found and found != [part for part in declared if part in found]:
            problems.append(f"{parameter}: {', '.join(found)}")
    return problems


def _crossed(trace: dict[str, Any]) -> list[str]:
    """Find pairs of tensors that went to each other's place.

    Two tensors of one size load without complaint into each other's parameter.
    They are crossed if exchanging the two would make the names agree better.
    """
    by_size: dict[int, list[tuple[list[str], list[str]]]] = defaultdict(list)
    for landing in trace["landings"]:
        tensor, parameter = landing["tensor"], landing["parameter"]
        by_size[landing["elements"]].append((tensor.split("."), parameter.split(".")))
    problems = []
    for pairs in by_size.values():
        # A tensor whose name is that of its parameter cannot have been crossed.
        odd = [pair for pair in pairs if _agreement(*pair) < min(map(len, pair))]
        for (one, into_one), (other, into_other) in combinations(odd, 2):
            straight = _agreement(one, into_one) + _agreement(other, into_other)
            crossed = _agreement(one, into_other) + _agreement(other, into_one)
            if into_one != into_other and crossed > straight:
                problems.append(f"{'.'.join(one)} and {'.'.join(other)} are exchanged")
    return problems


def _agreement(tensor: list[str], parameter: list[str]) -> int:
    """Count equal name components, from the end."""
    pairs = zip(reversed(tensor), reversed(parameter), strict=False)
    return sum(ours == theirs for ours, theirs in pairs)
