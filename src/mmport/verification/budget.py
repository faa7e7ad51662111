"""Judges whether any item takes more than the maximum that the engine plans for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmport.model.evidence import Measurement, Stage
from mmport.verification.judging import Judge
from mmport.verification.stage_files import StageFiles


def judge_budget(candidate: StageFiles) -> Iterator[Measurement]:
    """Hold the largest items that a search found to the declared maxima.

    An engine that counts embeddings alone is held to these; the separators
    between them are then named beside.
    """
    document = candidate.document("budget")
    if document is None:
        return
    if "unavailable" in document:
        yield Judge(Stage.BUDGET, "search").not_compared("maximum", document["unavailable"])
        return
    yield from _registry(document.get("checks", ()))
    for kind, entry in document["modalities"].items():
        judge = Judge(Stage.BUDGET, kind)
        if "error" in entry:
            yield judge.exact("dummy item", [f"the profiler's own item: {entry['error']}"])
            continue
        counts = document["counts"]
        yield _dummy(judge, entry, counts)
        if "taken" not in entry:
            yield judge.not_compared("largest item", f"none was taken; {entry['refused']}")
            continue
        yield _largest(judge, entry, counts)
        if entry.get("has_to_reach"):
            yield _reached(judge, entry, counts)
        if entry["several"]:
            yield _several(judge, entry, counts)
        yield from _separators(judge, entry, counts)


def _dummy(judge: Judge, entry: Mapping[str, Any], counts: str) -> Measurement:
    """What memory is measured with must be the most that is planned for."""
    dummy, declared = entry["dummy"][counts], entry["declared"]
    size = entry["dummy"]["item"]
    if dummy > declared:
        problem = f"the profiler's own item ({size}) takes {dummy}, the class declares {declared}"
        return judge.exact("dummy item", [problem])
    if dummy < declared:
        reason = f"the profiler's own item ({size}) takes {dummy} of the {declared} declared"
        return judge.not_compared("dummy item", reason)
    return judge.exact("dummy item", [], note=f"{size} takes {dummy}, as is declared")


def _largest(judge: Judge, entry: Mapping[str, Any], counts: str) -> Measurement:
    taken, declared = entry["taken"][counts], entry["declared"]
    whose = "the class declares" if entry["states"] else "the profiler's own item comes to"
    limit = _limit(judge.scenario, entry)
    told = (
        f"{entry['largest']} takes {taken} {counts}, {whose} {declared}; "
        f"{entry['tried']} tried{limit}, seed {entry['seed']}"
    )
    return judge.exact("largest item", [told] if taken > declared else [], note=told)


def _reached(judge: Judge, entry: Mapping[str, Any], counts: str) -> Measurement:
    """A maximum that no item reaches keeps an engine from what it could do."""
    taken, declared = entry["taken"][counts], entry["declared"]
    told = f"{entry['largest']} takes {taken} of {declared}, the most of {entry['tried']} tried"
    return judge.exact("maximum reached", [told] if taken < declared else [], note=told)


def _registry(checks: Iterable[Mapping[str, Any]]) -> Iterator[Measurement]:
    """What an old engine's registries said when they were asked as an engine asks them."""
    judge = Judge(Stage.BUDGET, "registry")
    for check in checks:
        if "unavailable" in check:
            yield judge.not_compared(check["subject"], check["unavailable"])
        else:
            yield judge.exact(check["subject"], check["problems"], note=check["note"])


def _limit(kind: str, entry: Mapping[str, Any]) -> str:
    """Clips and recordings have no end: none longer than the class's own are tried."""
    return "" if kind == "image" else f", none longer than {entry['dummy']['item']}"


def _several(judge: Judge, entry: Mapping[str, Any], counts: str) -> Measurement:
    """An item may take more where there are several."""
    most = max(one[counts] for one in entry["several"])
    told = f"{len(entry['several'])} of {entry['largest']} in one prompt take up to {most} each"
    told += f", {entry['declared']} are planned for"
    problems = [told] if most > entry["declared"] else []
    return judge.exact("largest of several", problems, note=told)


def _separators(judge: Judge, entry: Mapping[str, Any], counts: str) -> Iterator[Measurement]:
    tokens, declared = entry["taken"]["tokens"], entry["declared"]
    if counts == "embeddings" and entry["taken"][counts] <= declared < tokens:
        reason = f"{tokens} tokens with separators; this engine plans for embeddings alone"
        yield judge.not_compared("separators", reason)
