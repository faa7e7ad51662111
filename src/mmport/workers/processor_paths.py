"""Other ways to the same inputs, as HF takes them: tokens, chats, a placeholder in the text."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .clips import video_metadata
from .exchange import is_memory_error, write_stage
from .media import make_item

if TYPE_CHECKING:
    from pathlib import Path

_WORDS = "What is shown here?"
_PLAIN_TEMPLATE = """\
{{%- set placeholders = {placeholders} -%}}
{{{{- {start} -}}}}
{{%- for message in messages -%}}
{{{{- message['role'] | upper }}}}: {{% for part in message['content'] -%}}
{{{{- part['text'] if part['type'] == 'text' else placeholders[part['type']] -}}}}
{{%- endfor -%}}
{{{{- '\\n' -}}}}
{{%- endfor -%}}
{{{{- 'ASSISTANT:' if add_generation_prompt else '' -}}}}
"""


def write_paths_stage(
    caller: Any, payload: Mapping[str, Any], cases: Mapping[str, Any], out: Path
) -> None:
    """Write what HF makes of the cases' texts, of chats and of literal placeholders.

    The document has `seed`, `tokenized` (of the typical cases, by name),
    `chats` and `literals`; the latter with the ids, or what HF said in refusal.
    """
    asked = {name: cases[name]["asked"] for name in _typical(cases)}
    document = {
        "seed": payload["processor_search"]["seed"],
        "tokenized": {name: _tokenized(caller, case) for name, case in asked.items()},
        "chats": _chats(caller, payload, list(asked.values())),
        "literals": _literals(caller, payload, list(asked.values())),
    }
    write_stage(out, "processor-paths", document)


def _typical(cases: Mapping[str, Any]) -> list[str]:
    """Names of the cases that were processed, and are neither drawn nor about an option."""
    return [
        name
        for name, entry in cases.items()
        if "left_out" not in entry
        and not entry["asked"].get("drawn")
        and not entry["asked"]["mm_processor_kwargs"]
    ]


def _tokenized(caller: Any, case: Mapping[str, Any]) -> dict[str, Any]:
    """The ids of a prompt in which no placeholder is expanded, as the tokenizer makes them."""
    tokenizer = getattr(caller.processor, "tokenizer", caller.processor)
    request = case["request"]
    texts = {"text": request["text"], "vllm_text": request["vllm_text"] or request["text"]}
    return {
        name: {
            special: list(tokenizer.encode(text, add_special_tokens=special == "special"))
            for special in ("special", "bare")
        }
        for name, text in texts.items()
    }


def _chats(
    caller: Any, payload: Mapping[str, Any], cases: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Ask in a chat about the first item of each kind, and about nothing."""
    chats = {"text": _chat(caller, payload, [])}
    for case in cases:
        items = case["request"]["items"]
        kind = items[0]["kind"]
        if kind not in chats and len(items) == 1:
            chats[kind] = _chat(caller, payload, items)
    return chats


def _chat(
    caller: Any, payload: Mapping[str, Any], items: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What `apply_chat_template` makes of one user's message, by the model's own template.

    Where there is none, or it makes no token of an item, a plain one of ours
    takes its place, on both sides.
    """
    own = getattr(caller.processor, "chat_template", None)
    entry: dict[str, Any] = {"items": list(items), "words": _WORDS, "templates": None}
    reason = ""
    if own:
        ids, reason = _templated(caller, payload, items, None)
        if ids and (not items or _holds_placeholder(ids, payload)):
            return {**entry, "ids": ids}
    templates = plain_templates(caller.processor, payload)
    ids, plain_reason = _templated(caller, payload, items, templates["text"])
    if ids is None:
        return {**entry, "left_out": f"HF itself: {plain_reason or reason}"}
    return {**entry, "templates": templates, "ids": ids}


def _holds_placeholder(ids: Sequence[int], payload: Mapping[str, Any]) -> bool:
    return bool(set(ids) & set(payload["placeholder_ids"]))


def _templated(
    caller: Any,
    payload: Mapping[str, Any],
    items: Sequence[Mapping[str, Any]],
    template: str | None,
) -> tuple[list[int] | None, str]:
    parts = [{"type": item["kind"], item["kind"]: make_item(item)} for item in items]
    content = [*parts, {"type": "text", "text": _WORDS}]
    options: dict[str, Any] = dict(payload["processor_kwargs"])
    videos = [item for item in items if item["kind"] == "video"]
    if videos:
        options["video_metadata"] = [video_metadata(item) for item in videos]
        options["do_sample_frames"] = False
    apply = caller.processor.apply_chat_template
    if "processor_kwargs" in inspect.signature(apply).parameters:
        options = {"processor_kwargs": options}
    try:
        made = apply(
            [{"role": "user", "content": content}],
            chat_template=template,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            **options,
        )
    except Exception as error:
        if is_memory_error(error):
            raise
        return None, f"{type(error).__name__}: {error}"
    return flat(made["input_ids"]), ""


def flat(ids: Any) -> list[int]:
    """The ids of one prompt, from a tensor or from lists in lists."""
    if hasattr(ids, "tolist"):
        ids = ids.tolist()
    while ids and isinstance(ids[0], list):
        ids = ids[0]
    return [int(token) for token in ids]


def plain_templates(processor: Any, payload: Mapping[str, Any]) -> dict[str, str]:
    """Write a chat template with HF's placeholders, and one with those that vLLM wants."""
    tokenizer = getattr(processor, "tokenizer", processor)
    start, first = tokenizer.bos_token, tokenizer.encode("a")[:1]
    starts = start is not None and first == [tokenizer.bos_token_id]
    modalities = payload["processor_search"]["modalities"]
    templates: dict[str, str] = {}
    for name, own in (("text", "prompt"), ("vllm_text", "vllm_prompt")):
        # JSON in ASCII is a literal of the template's language too.
        placeholders = {
            one["kind"]: one["prompt"] if one[own] is None else one[own] for one in modalities
        }
        templates[name] = _PLAIN_TEMPLATE.format(
            placeholders=json.dumps(placeholders), start=json.dumps(start if starts else "")
        )
    return templates


def _literals(
    caller: Any, payload: Mapping[str, Any], cases: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Have a user write a placeholder, beside an item's own and where there is no item."""
    literals: dict[str, Any] = {}
    search = payload["processor_search"]
    for case in cases:
        items = case["request"]["items"]
        if len(items) != 1:
            continue
        modality = next(one for one in search["modalities"] if one["kind"] == items[0]["kind"])
        if modality["prompt"] and f"{modality['kind']} beside" not in literals:
            for where, given in (("beside", items), ("alone", [])):
                request = _literal_request(search["question"], modality, given)
                name = f"{modality['kind']} {where}"
                literals[name] = {"request": request, **_answer(caller, request, payload)}
    return literals


def _literal_request(
    question: str, modality: Mapping[str, Any], items: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    def fill(prompt: str) -> str:
        return question.replace("{items}", f"{prompt} and {prompt}" if items else prompt)

    own = modality["vllm_prompt"]
    vllm_text = None if own is None else fill(own)
    return {"text": fill(modality["prompt"]), "items": list(items), "vllm_text": vllm_text}


def _answer(caller: Any, request: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    """HF's ids and how many of them are placeholders, or what it said in refusal."""
    try:
        ids = flat(caller(request["text"], request["items"], {})["input_ids"])
    except Exception as error:
        if is_memory_error(error):
            raise
        return {"refused": f"{type(error).__name__}: {error}"}
    wanted = set(payload["placeholder_ids"])
    return {"ids": ids, "placeholders": sum(token in wanted for token in ids)}
