"""Whether vLLM's processor gives the same with its cache as without, item by item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .exchange import is_memory_error
from .hf_processing import joined
from .vllm_processing import beyond_limits, call, described, multi_modal_data
from .vllm_releases import Process, items_by_kind, remembering

if TYPE_CHECKING:
    import torch

_FIRST_SEED = 2000
_ITEMS = "ABC"
# Prompts of the items A, B and C: none known, then half, then all, in other orders.
_PROMPTS = ("A", "AB", "BA", "CAB", "B", "CC")
_SHARES = (1.0, 0.75, 1.0)
"""Of the typical size. A and C are of one size, and of other pixels."""


def cached_prompts(
    processor: Any, payload: Mapping[str, Any], cases: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Process prompts one after the other, each without a cache and with the one they share.

    Returns:
        For each prompt `name`, `hits` of `items`, and `differences` in words;
        an `error` in place of these where it raised; one entry with
        `unavailable` alone where this vLLM cannot be asked.
    """
    cached = remembering(processor)
    if cached is None:
        return [{"unavailable": "this vLLM has another way of caching than is known here"}]
    known: set[str] = set()
    entries: list[dict[str, Any]] = []
    for name, request, options in _prompts(processor, payload, cases):
        keys = [f"{item['seed']} {options}" for item in request["items"]]
        entry = {"name": name, "items": len(keys), "hits": sum(key in known for key in keys)}
        try:
            differences = _differences(processor, payload, request, options, cached)
            entries.append({**entry, "differences": differences})
        except Exception as error:
            if is_memory_error(error):
                raise
            entries.append({**entry, "error": f"{type(error).__name__}: {error}"})
        known.update(keys)
    return entries


def _prompts(
    processor: Any, payload: Mapping[str, Any], cases: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Prompts of each modality, one with an option, and those of all modalities together."""
    search = payload["processor_search"]
    usual: dict[str, Any] = dict(payload["processor_kwargs"])
    together: list[list[tuple[Mapping[str, Any], dict[str, Any]]]] = [[], []]
    for modality in search["modalities"]:
        items = dict(zip(_ITEMS, _items(modality), strict=True))
        for letters in _PROMPTS:
            asked = [(modality, items[letter]) for letter in letters]
            request = _ask(search["question"], asked, payload)
            if len(letters) <= modality["most_items"] and _takes(processor, request):
                yield f"{modality['kind']} {letters}", request, usual
        for case in cases.values():
            options, given = case["asked"]["mm_processor_kwargs"], case["asked"]["request"]["items"]
            if options and given[0]["kind"] == modality["kind"] and "left_out" not in case:
                request = _ask(search["question"], [(modality, items["A"])], payload)
                if _takes(processor, request):
                    yield f"{modality['kind']} A, {_told(options)}", request, {**usual, **options}
                break
        together[0].append((modality, items["A"]))
        together[1].insert(0, (modality, items["B"]))
    if len(search["modalities"]) > 1:
        for asked in (together[0], together[1], together[0][::-1]):
            request = _ask(search["question"], asked, payload)
            if _takes(processor, request):
                kinds = " and ".join(modality["kind"] for modality, _ in asked)
                yield kinds, request, usual


def _told(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in options.items())


def _takes(processor: Any, request: Mapping[str, Any]) -> bool:
    return not beyond_limits(processor.info, request)


def _items(modality: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_item(modality, _FIRST_SEED + place, share) for place, share in enumerate(_SHARES)]


def _item(modality: Mapping[str, Any], seed: int, share: float) -> dict[str, Any]:
    kind = modality["kind"]
    if kind == "audio":
        return {
            "kind": kind,
            "seed": seed,
            "seconds": modality["seconds"] * share,
            "rate": modality["rate"],
        }
    size = {"width": round(modality["width"] * share), "height": modality["height"]}
    if kind == "image":
        return {"kind": kind, "seed": seed, **size}
    return {"kind": kind, "seed": seed, **size, "frames": 2 * max(1, modality["frames"] // 2)}


def _ask(
    question: str,
    asked: Sequence[tuple[Mapping[str, Any], dict[str, Any]]],
    payload: Mapping[str, Any],
) -> dict[str, Any]:
    own = payload["own_text"]
    prompts = [
        modality["vllm_prompt"]
        if own and modality["vllm_prompt"] is not None
        else modality["prompt"]
        for modality, _ in asked
    ]
    text = question.replace("{items}", " then ".join(prompts))
    return {"text": text, "items": [item for _, item in asked]}


def _differences(
    processor: Any,
    payload: Mapping[str, Any],
    request: Mapping[str, Any],
    options: Mapping[str, Any],
    cached: Process,
) -> list[str]:
    expected = call(processor, request["text"], request["items"], options)
    found = cached(request["text"], multi_modal_data(request["items"]), options)
    wanted, given = described(expected)[0], described(found)[0]
    told = [f"other {key}" for key in ("ids", "spans", "positions") if wanted[key] != given[key]]
    theirs = items_by_kind(found)
    for kind, items in items_by_kind(expected).items():
        pairs = zip(items, theirs[kind], strict=True)
        for place, (item, other) in enumerate(pairs, start=1):
            told += [
                f"{kind} {place} of {len(items)}: {difference}"
                for difference in _other_tensors(item, other, payload["pixel_bound"])
            ]
    return told


def _other_tensors(expected: Any, found: Any, bound: float) -> Iterator[str]:
    """Name the tensors of one item that are not the same."""
    if found is None:
        yield "is not there"
        return
    for key in expected:
        ours, theirs = (
            joined(side[key].data) if key in side else None for side in (expected, found)
        )
        if ours is None:
            continue
        difference = "is not there" if theirs is None else _difference(ours, theirs, bound)
        if difference:
            yield f"{key} {difference}"


def _difference(ours: torch.Tensor, theirs: torch.Tensor, bound: float) -> str:
    """Say how two tensors of one item differ; padding to a neighbour's size is no difference."""
    import torch

    if ours.ndim != theirs.ndim:
        return f"has the shape {list(theirs.shape)}, not {list(ours.shape)}"
    common = tuple(slice(min(pair)) for pair in zip(ours.shape, theirs.shape, strict=True))
    for tensor in (ours, theirs):
        outside = torch.ones_like(tensor, dtype=torch.bool)
        outside[common] = False
        if tensor[outside].unique().numel() > 1:
            return f"has the shape {list(theirs.shape)}, not {list(ours.shape)}"
    first, second = ours[common].double(), theirs[common].double()
    apart = (first - second).abs()
    worst = float(apart.nan_to_num(nan=torch.inf).max()) if apart.numel() else 0.0
    scale = float(first.abs().nan_to_num().max()) if apart.numel() else 1.0
    if worst <= bound * scale or torch.equal(first.nan_to_num(), second.nan_to_num()):
        return ""
    return f"is another by {worst:.3g} at most"
