"""Other ways to the same inputs in vLLM: tokens, its caches, chats, a literal placeholder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .exchange import is_memory_error, write_stage
from .media import make_item
from .vllm_caching import cached_prompts
from .vllm_processing import beyond_limits, call, described, read_reference, text_of

if TYPE_CHECKING:
    from pathlib import Path

_PARTS_WITHOUT_DATA = {"video": "video_url", "audio": "audio_url"}


def write_paths_stage(
    processor: Any, payload: Mapping[str, Any], cases: Mapping[str, Any], out: Path
) -> None:
    """Take the ways that HF took, and through vLLM's cache besides.

    The document has `tokens`, `chats` and `literals` under HF's names, each
    with the ids, or an `error`; and `cached`, one entry a prompt.
    """
    reference = read_reference(payload, "processor-paths")
    document = {
        "tokens": _tokens(processor, payload, cases, reference["tokenized"]),
        "chats": {
            name: _attempt(lambda chat=chat: _chat(processor, payload, chat))
            for name, chat in reference["chats"].items()
            if "left_out" not in chat and _takes(processor, chat)
        },
        "literals": {
            name: _attempt(lambda asked=asked: _literal(processor, payload, asked["request"]))
            for name, asked in reference["literals"].items()
            if _takes(processor, asked["request"])
        },
        "cached": cached_prompts(processor, payload, cases),
    }
    write_stage(out, "processor-paths", document)


def _takes(processor: Any, request: Mapping[str, Any]) -> bool:
    return not beyond_limits(processor.info, request)


def _attempt(answer: Any) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = answer()
    except Exception as error:
        if is_memory_error(error):
            raise
        return {"error": f"{type(error).__name__}: {error}"}
    return entry


def _tokens(
    processor: Any,
    payload: Mapping[str, Any],
    cases: Mapping[str, Any],
    tokenized: Mapping[str, Any],
) -> dict[str, Any]:
    """Give the prompts of the cases as the tokens that HF's tokenizer makes of them."""
    special = "special" if _encoding(processor).get("add_special_tokens", True) else "bare"

    def answer(name: str) -> dict[str, Any]:
        request = cases[name]["asked"]["request"]
        options = payload["processor_kwargs"]
        tokens = tokenized[name]["vllm_text" if payload["own_text"] else "text"][special]
        return described(call(processor, tokens, request["items"], options))[0]

    return {
        name: _attempt(lambda name=name: answer(name))
        for name in tokenized
        if _takes(processor, cases[name]["asked"]["request"])
    }


def _encoding(processor: Any) -> dict[str, Any]:
    """How vLLM has the tokenizer encode a prompt of this model."""
    parameters = getattr(processor.info, "default_tok_params", None)
    options: dict[str, Any] = parameters.get_encode_kwargs() if parameters is not None else {}
    return options


def _literal(
    processor: Any, payload: Mapping[str, Any], request: Mapping[str, Any]
) -> dict[str, Any]:
    """A prompt without an item goes past the processor: vLLM tokenizes it and no more."""
    text = text_of(request, payload)
    if request["items"]:
        return described(call(processor, text, request["items"], payload["processor_kwargs"]))[0]
    tokenizer = processor.info.get_tokenizer()
    return {"ids": list(tokenizer.encode(text, **_encoding(processor))), "spans": []}


def _chat(processor: Any, payload: Mapping[str, Any], chat: Mapping[str, Any]) -> dict[str, Any]:
    """Render one user's message as vLLM's server does, and process what comes of it."""
    try:
        from vllm.renderers.chat_utils import parse_chat_messages
        from vllm.renderers.hf import (
            resolve_chat_template_content_format,
            safe_apply_chat_template,
        )
    except ImportError:
        return {"unavailable": "this vLLM renders chats in another way than is known here"}
    config, tokenizer = processor.info.ctx.model_config, processor.info.get_tokenizer()
    key = "vllm_text" if payload["own_text"] else "text"
    template = chat["templates"][key] if chat["templates"] else None
    content_format = resolve_chat_template_content_format(
        template, None, "auto", tokenizer, model_config=config
    )
    content = [*map(_part, chat["items"]), {"type": "text", "text": chat["words"]}]
    conversation, _, _ = parse_chat_messages(
        [{"role": "user", "content": content}], config, content_format=content_format
    )
    ids = safe_apply_chat_template(
        config,
        tokenizer,
        conversation,
        chat_template=template,
        add_generation_prompt=True,
        tokenize=True,
    )
    if not chat["items"]:
        return {"ids": list(ids)}
    output = call(processor, list(ids), chat["items"], payload["processor_kwargs"])
    return described(output)[0]


def _part(item: Mapping[str, Any]) -> dict[str, Any]:
    """Put an item into a message; what would have to be encoded, by its name alone."""
    if item["kind"] == "image":
        return {"type": "image_pil", "image_pil": make_item(item)}
    kind = _PARTS_WITHOUT_DATA[item["kind"]]
    return {"type": kind, kind: None, "uuid": f"{item['kind']}-{item['seed']}"}
