"""Judges the weights: every element of the checkpoint accounted for once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from itertools import combinations
from typing import Any

from mmport.model.evidence import Measurement, Stage
from mmport.verification.depth import unbuilt_layers
from mmport.verification.judging import Judge, shorten

_JUDGE = Judge(Stage.WEIGHTS, "load")
_ENCODER_JUDGE = Judge(Stage.ENCODER, "load")


def judge_weights(
    trace: dict[str, Any], reference: dict[str, Any], encoder: str
) -> tuple[Measurement, ...]:
    """Judge where a traced load put the checkpoint.

    Args:
        trace: what `workers/weight_trace.py` found.
        reference: of HF, the tensors that are `unused`, the names that are `tied`, and
            of its parameters the `sources`, runs of rows of the checkpoint.
        encoder: name of the encoder's module, as it stands in tensor names.
            Layers of it that were not built count against the encoder; of any
            module, where it is not known (empty).
    """
    missing = _missing(trace, set(reference["unused"]), reference["tied"])
    computed = _computed(missing, trace["altered"])
    missing = [tensor for tensor in missing if tensor not in computed]
    shallow = unbuilt_layers(
        (name for name in missing if not encoder or encoder in name.split(".")),
        (name for name in _parameters(trace) if not encoder or encoder in name.split(".")),
    )
    excused = {tensor for tensors in shallow.values() for tensor in tensors}
    lost = [f"{tensor}: not loaded, and HF uses it" for tensor in missing if tensor not in excused]
    return (
        _JUDGE.exact("checkpoint elements", lost + _partial(trace), note=_scope(trace)),
        _JUDGE.exact("parameters filled", _unfilled(trace, set(computed.values()))),
        _JUDGE.exact("fused order", _out_of_order(trace)),
        _JUDGE.exact("names", _crossed(trace, reference["sources"])),
        _ENCODER_JUDGE.exact(
            "depth", [f"{layer} is not built, and HF uses it" for layer in shallow]
        ),
    )


def _scope(trace: dict[str, Any]) -> str:
    """Say what the trace could not see, and what it saw that is unusual and may be right."""
    notes = []
    if not trace["elements"]:
        notes.append("the checkpoint is large: elements were counted, not told apart")
    if trace["rearranged"]:
        notes.append(f"rearranged on load: {shorten(trace['rearranged'])}")
    return "; ".join(notes)


def _parameters(trace: dict[str, Any]) -> set[str]:
    return {landing["parameter"] for landing in trace["landings"]} | set(trace["unfilled"])


def _missing(trace: dict[str, Any], unused: set[str], tied: Collection[str]) -> list[str]:
    """List tensors that landed nowhere, and that HF uses."""
    return [
        tensor
        for tensor in trace["tensors"]
        if tensor not in trace["landed"]
        and tensor not in unused
        and not (_ends_like_one_of(tensor, tied) and _ends_like_one_of(tensor, trace["aliases"]))
    ]


def _ends_like_one_of(tensor: str, names: Collection[str]) -> bool:
    """Tell whether a name's last two components are those of one of `names`."""
    ending = tensor.split(".")[-2:]
    return any(name.split(".")[-2:] == ending for name in names)


def _computed(missing: list[str], altered: dict[str, dict[str, int]]) -> dict[str, str]:
    """Pair tensors that landed nowhere with parameters that a loader computed.

    A loader may compute with what it loads (a sign, an exponential); the values
    are then no longer those that identify a tensor. The two belong together if
    they stand in the same place but for their last name.
    """
    pairs: dict[str, str] = {}
    for tensor in missing:
        place = tensor.split(".")[-4:-1]
        for parameter in altered:
            if parameter.split(".")[-4:-1] == place and parameter not in pairs.values():
                pairs[tensor] = parameter
                break
    return pairs


def _partial(trace: dict[str, Any]) -> list[str]:
    """Find tensors that landed in part, or more than once."""
    problems = []
    for tensor, landed in trace["landed"].items():
        size = trace["tensors"][tensor]
        if landed["distinct"] < size:
            problems.append(f"{tensor}: {landed['distinct']} of {size} elements loaded")
        elif landed["elements"] > size:
            problems.append(f"{tensor}: loaded more than once")
    return problems


def _unfilled(trace: dict[str, Any], computed: set[str]) -> list[str]:
    problems = [
        f"{name}: {blank['elements']} elements" for name, blank in trace["unfilled"].items()
    ]
    problems += [
        f"{name}: {altered['elements']} elements hold what no tensor has"
        for name, altered in trace["altered"].items()
        if name not in computed
    ]
    last: dict[str, int] = defaultdict(lambda: -1)
    for landing in trace["landings"]:
        last[landing["parameter"]] = max(last[landing["parameter"]], landing["last"])
    # A vocabulary is padded to a round number of rows, after all that was loaded.
    problems += [
        f"{name}: {padding['elements']} elements left at zero"
        for name, padding in trace["padding"].items()
        if (last[name] < 0 or padding["first"] < last[name])
        and not _has_no_bias(trace, name, padding["first"])
    ]
    return problems


def _has_no_bias(trace: dict[str, Any], parameter: str, row: int) -> bool:
    """Tell whether zeros in a fused bias stand for a part that has none in the checkpoint.

    So it is with the keys of Whisper's attention. The weight beside the bias
    says which part a row is of.
    """
    stem, _, last = parameter.rpartition(".")
    if last != "bias":
        return False
    for first, tensor, _, count in trace.get("sources", {}).get(f"{stem}.weight", ()):
        if first <= row < first + count:
            return f"{tensor.rpartition('.')[0]}.bias" not in trace["tensors"]
    return False


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


def _crossed(trace: dict[str, Any], sources: dict[str, Any]) -> list[str]:
    """Find pairs of tensors that went to each other's place.

    Two tensors of one size load without complaint into each other's parameter.
    They are crossed if exchanging the two would make the names agree better: the
    names that HF gives them once loaded, where it may rename one to the other.
    """
    named = {runs[0][1]: parameter for parameter, runs in sources.items() if len(runs) == 1}
    by_size: dict[int, list[tuple[str, list[str], list[str]]]] = defaultdict(list)
    for landing in trace["landings"]:
        tensor, parameter = landing["tensor"], landing["parameter"]
        name = named.get(tensor, tensor)
        by_size[landing["elements"]].append((tensor, name.split("."), parameter.split(".")))
    problems = []
    for landed in by_size.values():
        # A tensor whose name is that of its parameter cannot have been crossed.
        odd = [one for one in landed if _agreement(*one[1:]) < min(map(len, one[1:]))]
        for (one, of_one, into_one), (other, of_other, into_other) in combinations(odd, 2):
            straight = _agreement(of_one, into_one) + _agreement(of_other, into_other)
            crossed = _agreement(of_one, into_other) + _agreement(of_other, into_one)
            if into_one != into_other and crossed > straight:
                problems.append(f"{one} and {other} are exchanged")
    return problems


def _agreement(tensor: list[str], parameter: list[str]) -> int:
    """Count equal name components, from the end."""
    pairs = zip(reversed(tensor), reversed(parameter), strict=False)
    return sum(ours == theirs for ours, theirs in pairs)
