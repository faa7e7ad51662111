"""A model says itself what stands for an item in a chat's prompt; vLLM had a list of all models."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import first_method, put_method
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk

_NAME = "get_placeholder_str"
_UPDATES = ("PromptReplacement", "PromptInsertion")
_CODE = f"""
@classmethod
def {_NAME}(cls, modality: str, i: int) -> str | None:
    return {{TEXTS}}.get(modality)
"""


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs("SupportsMultiModal"):
        known = any(one.own(_NAME) for one in (item, *reading.local_parents(item)))
        registered = _registered(item)
        if known or registered is None or reading.inherits_model(item):
            continue
        texts = dict(_texts(reading, registered))
        if not texts:
            edits.notes.append(Note((item.name,), _UNKNOWN.format(item.name), _FIX))
            continue
        pairs = ", ".join(f'"{modality}": "{text}"' for modality, text in texts.items())
        put_method(reading, item, _CODE.replace("TEXTS", pairs), edits, before=first_method(item))
    return edits


_UNKNOWN = "{} does not say what stands for an item in a chat's prompt"
_FIX = f"write a class method {_NAME}(cls, modality, i), which gives the text"


def _registered(item: ModelClass) -> ast.Call | None:
    """Find where a class is given its processor, the builder of dummy data beside it."""
    for node in item.node.decorator_list:
        match node:
            case ast.Call(func=ast.Attribute(attr="register_processor")):
                return node
    return None


def _texts(reading: Reading, registered: ast.Call) -> Iterator[tuple[str, str]]:
    """Tell what stands for an item of each modality, of what the processor looks for."""
    given = (*registered.args, *(one.value for one in registered.keywords))
    names = [one.id for one in given if isinstance(one, ast.Name)]
    for name in (one for one in names if one in reading.file.classes):
        for node in walk(reading.file.classes[name].node):
            match node:
                case ast.Call(func=ast.Name(id=called), keywords=keywords) if called in _UPDATES:
                    parts = {one.arg: one.value for one in keywords}
                    match parts.get("modality"), parts.get("target"):
                        case ast.Constant(value=str(modality)), ast.Constant(value=str(text)):
                            if text and '"' not in text and "\\" not in text:
                                yield modality, text


CODEMOD = Codemod(
    id="placeholder-str",
    summary=f"{_NAME} gives the text that a prompt update looks for",
    since="0.9.2",
    instead=_NAME,
    reference=f"SupportsMultiModal.{_NAME}",
    risk="review",
    apply=_apply,
    serves="",
)
