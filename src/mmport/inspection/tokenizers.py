"""What a tokenizer's files say of single tokens; no tokenizer is built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmport.hub.source import ModelSource

TOKENIZER_CONFIG = "tokenizer_config.json"
_TOKENIZER = "tokenizer.json"
_ADDED = "added_tokens.json"
_VOCABULARIES = (_TOKENIZER, _ADDED, "tokenizer.model", "vocab.json", "vocab.txt")


class TokenizerFiles:
    """The tokenizer of a model source, read as far as it is asked."""

    def __init__(self, source: ModelSource) -> None:
        self._source = source
        self._config = self._json(TOKENIZER_CONFIG)

    @property
    def present(self) -> bool:
        """Whether the source has a vocabulary at all."""
        return any(self._source.has(name) for name in _VOCABULARIES)

    def named_image_token(self) -> str | None:
        """The token that the tokenizer calls its `image_token`, in any of the places for it."""
        special = self._config.get("extra_special_tokens")
        places = (self._config, special if isinstance(special, dict) else {})
        return next((text for place in places if (text := _text(place.get("image_token")))), None)

    def text_of(self, token_id: int) -> str | None:
        """The text of a token; None where no file that can be read says it.

        Small files are asked before the large `tokenizer.json`.
        """
        return next((text for text in self._texts_of(token_id) if text), None)

    def id_of(self, text: str) -> int | None:
        """The id of an added token; None where no file that can be read has it."""
        decoder = self._config.get("added_tokens_decoder")
        for token_id, value in decoder.items() if isinstance(decoder, dict) else ():
            if _text(value) == text and token_id.isdecimal():
                return int(token_id)
        added = self._json(_ADDED).get(text)
        if isinstance(added, int):
            return added
        entries = self._json(_TOKENIZER).get("added_tokens")
        found = (
            entry.get("id")
            for entry in (entries if isinstance(entries, list) else ())
            if isinstance(entry, dict) and _text(entry) == text
        )
        return next((token_id for token_id in found if isinstance(token_id, int)), None)

    def _texts_of(self, token_id: int) -> Iterator[str | None]:
        decoder = self._config.get("added_tokens_decoder")
        if isinstance(decoder, dict):
            yield _text(decoder.get(str(token_id)))
        yield _key_of(self._json(_ADDED), token_id)
        tokenizer = self._json(_TOKENIZER)
        added = tokenizer.get("added_tokens")
        for entry in added if isinstance(added, list) else ():
            if isinstance(entry, dict) and entry.get("id") == token_id:
                yield _text(entry)
        model = tokenizer.get("model")
        yield _from_vocabulary(model.get("vocab") if isinstance(model, dict) else None, token_id)

    def _json(self, name: str) -> dict[str, Any]:
        return self._source.read_json(name) if self._source.has(name) else {}


def _text(value: object) -> str | None:
    """Read a token that is written as a string, or as an object with its `content`."""
    content = value.get("content") if isinstance(value, dict) else value
    return content if isinstance(content, str) and content else None


def _from_vocabulary(vocabulary: object, token_id: int) -> str | None:
    if isinstance(vocabulary, dict):
        return _key_of(vocabulary, token_id)
    if isinstance(vocabulary, list) and token_id < len(vocabulary):
        entry = vocabulary[token_id]
        return _text(entry[0]) if isinstance(entry, list) and entry else None
    return None


def _key_of(table: dict[str, Any], token_id: int) -> str | None:
    return next((key for key, value in table.items() if value == token_id), None)
