"""Judges encoder, merge and decoder module by module, and names where the sides part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmport.model.evidence import Divergence, Measurement, ModuleFigure, Place, Stage
from mmport.verification.activations import Event, Sides, compare_modules
from mmport.verification.alignment import Pair, align
from mmport.verification.bounds import Bounds
from mmport.verification.captures import Capture, capture_folder
from mmport.verification.cases import Scenario
from mmport.verification.divergence import (
    divergence_of,
    forms,
    measurements,
    module_figures,
    without,
)
from mmport.verification.judging import Judge
from mmport.verification.stage_files import StageFiles


@dataclass(frozen=True, slots=True)
class ModuleJudgement:
    """What the aligned modules say: measurements, all figures, the first divergence."""

    measurements: tuple[Measurement, ...] = ()
    figures: tuple[ModuleFigure, ...] = ()
    divergence: Divergence | None = None


def judge_modules(
    reference: StageFiles, candidate: StageFiles, scenarios: tuple[Scenario, ...], bounds: Bounds
) -> ModuleJudgement:
    """Compare every aligned pair of modules in every scenario that was recorded.

    Where a side could not say where its weights came from, nothing can be
    aligned, and nothing is judged.
    """
    ours, theirs = reference.document("modules"), candidate.document("modules")
    pairs = _pairs(reference, candidate)
    if ours is None or theirs is None or not pairs:
        return ModuleJudgement()
    found: list[Measurement] = list(_constants(pairs, ours["modules"], theirs["modules"]))
    found += _targets(theirs.get("targets", {}))
    figures: list[ModuleFigure] = []
    divergences: list[Divergence] = []
    recorded = {
        scenario: _events(reference, candidate, scenario.name, ours, pairs, bounds)
        for scenario in scenarios
        if scenario.record
    }
    known = {form for events in recorded.values() for form in forms(events)}
    for scenario, compared in recorded.items():
        events = without(compared, known)
        found += measurements(events, scenario.name)
        figures += module_figures(events, scenario.name)
        parted = divergence_of(events, scenario.name, ours["modules"], theirs["modules"])
        if parted is not None:
            divergences.append(parted)
    order = list(Stage)
    first = min(divergences, key=lambda one: order.index(one.stage), default=None)
    return ModuleJudgement(tuple(found), tuple(figures), first)


def _pairs(reference: StageFiles, candidate: StageFiles) -> tuple[Pair, ...]:
    sides = reference.document("weights"), candidate.document("weights")
    ours, theirs = ((side or {}).get("sources") for side in sides)
    return align(ours, theirs) if ours and theirs else ()


def _events(
    reference: StageFiles,
    candidate: StageFiles,
    scenario: str,
    ours: dict[str, Any],
    pairs: tuple[Pair, ...],
    bounds: Bounds,
) -> tuple[Event, ...]:
    sides = Sides(
        hf=Capture(capture_folder(reference.folder, scenario)),
        vllm=Capture(capture_folder(candidate.folder, scenario)),
        variants={
            name: capture
            for name in bounds.floors.variants
            if (capture := Capture(capture_folder(reference.folder, scenario, name))).exists
        },
        decoder=ours["decoder"],
        embeddings=ours["embeddings"],
        head=ours["head"],
    )
    if not (sides.hf.exists and sides.vllm.exists):
        return ()
    return compare_modules(sides, pairs, bounds.event)


def _constants(
    pairs: tuple[Pair, ...], ours: dict[str, Any], theirs: dict[str, Any]
) -> list[Measurement]:
    """Compare the epsilons of norms, which small numbers hardly show."""
    problems, compared = [], 0
    for pair in pairs:
        wanted = ours.get(pair.hf, {}).get("eps")
        given = theirs.get(pair.vllm, {}).get("eps")
        if wanted is None or given is None:
            continue
        compared += 1
        if wanted != given:
            problems.append(f"{pair.vllm}: {given}, HF's {pair.hf} has {wanted}")
    return [Judge(Stage.WEIGHTS, "load").exact("epsilons", problems)] if compared else []


def _targets(targets: dict[str, Any]) -> list[Measurement]:
    """Judge the names that quantisation and adapters know the modules by."""
    judge = Judge(Stage.WEIGHTS, "load")
    found = []
    if "unavailable" in targets:
        found.append(judge.not_compared("LoRA targets", targets["unavailable"]))
    if targets.get("ignored"):
        lost = [
            f"{name} matches no module" for name, count in targets["ignored"].items() if not count
        ]
        found.append(judge.exact("quantisation's exceptions", lost))
    if targets.get("adapted"):
        lost = [
            f"{part}: an adapter's names lead to none of {entry['layers']} layers ({entry['lost']})"
            for part, entry in targets["adapted"].items()
            if not entry["found"]
        ]
        lost += [
            f"get_mm_mapping: {prefix} matches no module"
            for prefix, count in targets["prefixes"].items()
            if not count
        ]
        found.append(judge.exact("LoRA targets", lost))
    return found


def head_divergence(
    judgement: ModuleJudgement,
    failed: Measurement | None,
    reference: StageFiles,
    candidate: StageFiles,
) -> Divergence | None:
    """Name the head, where the last hidden states agree and the logprobs do not.

    Args:
        judgement: of the modules; it found no divergence.
        failed: the first logprobs of a recorded scenario that are not HF's.
        reference: what the HF worker wrote.
        candidate: what the engine's worker wrote.
    """
    if failed is None:
        return None
    agreed = [
        one
        for one in judgement.figures
        if one.scenario == failed.scenario and one.event == "output" and one.agrees
    ]
    ours, theirs = reference.document("modules"), candidate.document("modules")
    if not agreed or ours is None or theirs is None:
        return None
    before = agreed[-1]
    mine, others = ours["modules"], theirs["modules"]
    return Divergence(
        "edge",
        Stage.LOGITS,
        failed.scenario,
        hf=Place(
            ours["head"],
            mine.get(ours["head"], {}).get("kind", ""),
            source=mine.get("", {}).get("source", ""),
        ),
        vllm=Place("compute_logits", "", source=theirs.get("head", "")),
        figure=failed.figure,
        bound=failed.bound,
        detail=f"{failed.subject}: {failed.detail}".rstrip(": "),
        after_hf=Place(before.hf, mine.get(before.hf, {}).get("kind", "")),
        after_vllm=Place(before.vllm, others.get(before.vllm, {}).get("kind", "")),
    )
