"""Judges the other ways to a prompt: tokens, caches, chats, a placeholder in the user's text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmport.model.evidence import Measurement, Stage
from mmport.verification.judging import CANDIDATE, Judge
from mmport.verification.stage_files import StageFiles

PATHS = "processor-paths"
"""Name of the stage file."""


def judge_paths(reference: StageFiles, candidate: StageFiles) -> Iterator[Measurement]:
    """Compare what each way comes to; and say of what seed the sizes were drawn."""
    cases, found_cases = reference.document("processor"), candidate.document("processor")
    expected, found = reference.document(PATHS), candidate.document(PATHS)
    if not (cases and found_cases and expected and found):
        return
    if "unavailable" in found:
        yield Judge(Stage.PROCESSOR, "search").not_compared("other ways", found["unavailable"])
        return
    yield _search(cases, expected["seed"])
    yield from _tokens(found_cases, found["tokens"])
    yield from _cached(found["cached"])
    yield from _chats(expected["chats"], found["chats"])
    yield from _literals(expected["literals"], found["literals"], cases, found_cases)


def _search(cases: Mapping[str, Any], seed: int) -> Measurement:
    drawn = [entry for entry in cases.values() if entry["asked"].get("drawn")]
    refused = sum("left_out" in entry for entry in drawn)
    note = f"{len(drawn)} items of seed {seed}"
    if refused:
        note += f"; HF itself refuses {refused} of them"
    return Judge(Stage.PROCESSOR, "search").exact("drawn sizes", [], note=note)


def _tokens(cases: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Measurement]:
    """A prompt given as tokens must become what it becomes as text."""
    judge = Judge(Stage.PROCESSOR, "token prompts")
    for name, entry in found.items():
        as_text = cases.get(name, {})
        if "error" in entry:
            yield judge.exact(name, [entry["error"]])
        elif "ids" in as_text:
            yield judge.sequences(f"ids of {name}", as_text["ids"], entry["ids"])
            yield judge.sequences(f"positions of {name}", as_text["positions"], entry["positions"])


def _cached(prompts: Sequence[Mapping[str, Any]]) -> Iterator[Measurement]:
    judge = Judge(Stage.PROCESSOR, "cached items")
    for entry in prompts:
        if "unavailable" in entry:
            yield judge.not_compared("cache", entry["unavailable"])
        elif "error" in entry:
            yield judge.exact(entry["name"], [entry["error"]])
        else:
            hits = f"{entry['hits']} of {entry['items']} from the cache"
            told = [f"{difference} ({hits})" for difference in entry["differences"]]
            yield judge.exact(entry["name"], told, note=hits)


def _chats(expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Measurement]:
    judge = Judge(Stage.PROCESSOR, "chat")
    for name, wanted in expected.items():
        given = found.get(name)
        if "left_out" in wanted:
            yield judge.not_compared(name, wanted["left_out"])
        elif given is None:
            yield judge.not_compared(name, f"{CANDIDATE}: takes no such items")
        elif "unavailable" in given:
            yield judge.not_compared(name, given["unavailable"])
        elif "error" in given:
            yield judge.exact(name, [given["error"]])
        else:
            yield _chat(judge, name, wanted["ids"], given["ids"])


def _chat(judge: Judge, name: str, wanted: list[int], given: list[int]) -> Measurement:
    """Ids must be equal, but for what HF's tokenizer adds to what a template writes.

    vLLM takes a template at its word. Whose template leaves the beginning of
    text out has a model that is asked in two ways, whatever its class does.
    """
    if given in (wanted[1:], wanted[:-1], wanted[1:-1]):
        reason = "HF's tokenizer adds special tokens that the chat template does not write"
        return judge.not_compared(name, f"{reason}, vLLM adds none to a chat")
    measured = judge.sequences(name, wanted, given)
    if given == [*wanted[:1], *wanted]:
        return judge.exact(name, [f"{measured.detail}; it begins with {given[0]} twice"])
    return measured


def _literals(
    expected: Mapping[str, Any],
    found: Mapping[str, Any],
    cases: Mapping[str, Any],
    found_cases: Mapping[str, Any],
) -> Iterator[Measurement]:
    """A placeholder that a user writes must not shift or stretch an item's own.

    vLLM leaves one that is too many as it stands; HF mostly refuses it. Neither
    is wrong. What HF takes vLLM must take, and to the same ids.
    """
    judge = Judge(Stage.PROCESSOR, "literal placeholder")
    for name, wanted in expected.items():
        given = found.get(name)
        if given is None:
            continue
        if "error" in given and "refused" in wanted:
            yield judge.exact(name, [], note="both refuse it")
        elif "error" in given:
            yield judge.exact(name, [f"vLLM refuses what HF takes: {given['error']}"])
        elif "refused" in wanted:
            usual = _same_items(wanted["request"], cases, found_cases)
            problems = _stretched(given["spans"], wanted["request"]["items"], usual)
            if problems:
                yield judge.exact(name, problems)
            else:
                reason = f"HF refuses it ({wanted['refused'] or 'without a word'})"
                yield judge.not_compared(name, f"{reason}, vLLM leaves it as it stands")
        elif _expanded(wanted, _same_items(wanted["request"], cases, cases)):
            yield judge.not_compared(name, "HF itself expands it, as if there were an item")
        else:
            yield judge.sequences(name, wanted["ids"], given["ids"])


def _same_items(
    request: Mapping[str, Any], cases: Mapping[str, Any], side: Mapping[str, Any]
) -> Mapping[str, Any]:
    """What a side made of the same items without the literal; empty if it is not known."""
    for name, entry in cases.items():
        asked = entry["asked"]
        if asked["request"]["items"] == request["items"] and not asked["mm_processor_kwargs"]:
            known: Mapping[str, Any] = side.get(name, {})
            return known
    return {}


def _expanded(wanted: Mapping[str, Any], usual: Mapping[str, Any]) -> bool:
    """Tell whether HF makes more placeholders of a literal than the one that it is.

    Its model would refuse these ids: it has features for the item alone.
    """
    return bool(wanted["placeholders"] > len(usual.get("positions", ())) + 1)


def _stretched(
    spans: Sequence[Sequence[int]], items: Sequence[Any], usual: Mapping[str, Any]
) -> list[str]:
    """Hold the items' lengths to those that the same items have elsewhere."""
    lengths = [length for _, length in spans]
    if len(lengths) != len(items):
        return [f"{len(lengths)} items were placed, not {len(items)}"]
    wanted = [length for _, length in usual.get("spans", ())]
    if wanted and wanted != lengths:
        return [f"the item takes {lengths} tokens, {wanted} without the literal"]
    return []
