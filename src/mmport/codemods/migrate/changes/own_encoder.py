"""A class with an encoder of its own does not inherit that the engine leaves pixels as they are."""

from __future__ import annotations

import ast

from mmport.codemods.migrate.codemod import Codemod, Edits
from mmport.codemods.migrate.editing import first_method, put_method
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.view import View
from mmport.usage.walking import walk

_FLAG = "supports_mm_device_do_normalize"
_NORM = "input_norm"
_INTERFACES = "vllm.model_executor.models.interfaces"


def _apply(reading: Reading) -> Edits:
    edits = Edits()
    said: set[str] = set()
    for item in reading.heirs("SupportsMultiModal"):
        bases = {base.id for base in item.node.bases if isinstance(base, ast.Name)}
        if item.own(_FLAG) or bases & said:
            said.add(item.name)
        elif _inherits_anew(reading, item) and _has_own_encoder(item):
            said.add(item.name)
            put_method(reading, item, f"{_FLAG} = False", edits, before=first_method(item))
    return edits


def _inherits_anew(reading: Reading, item: ModelClass) -> bool:
    """Tell whether a model of vLLM's that a class inherits says so now, and did not before."""
    return _inherits(reading.after, item) and not _inherits(reading.before, item)


def _inherits(view: View, item: ModelClass) -> bool:
    member = view.inherited(item, _FLAG)
    return member is not None and member.owner.module != _INTERFACES


def _has_own_encoder(item: ModelClass) -> bool:
    """Tell whether a class' constructor makes its encoder, and not one that normalizes pixels."""
    init = item.methods.get("__init__")
    if init is None:
        return False
    calls = [node for node in walk(init) if isinstance(node, ast.Call)]
    if any(one.arg == _NORM for call in calls for one in call.keywords):
        return False
    return any(map(_takes_vision_config, calls)) or not any(map(_is_inherited, calls))


def _takes_vision_config(call: ast.Call) -> bool:
    given = (*call.args, *(one.value for one in call.keywords))
    return any(isinstance(one, ast.Attribute) and one.attr == "vision_config" for one in given)


def _is_inherited(call: ast.Call) -> bool:
    """Tell `super().__init__(vllm_config=…)`."""
    match call:
        case ast.Call(
            func=ast.Attribute(value=ast.Call(func=ast.Name(id="super"), args=[]), attr="__init__")
        ):
            return bool(call.args or call.keywords)
    return False


CODEMOD = Codemod(
    id="own-encoder",
    summary=f"{_FLAG} is not inherited where the encoder is the class' own",
    since="",
    instead=f"{_FLAG} = False",
    reference=f"SupportsMultiModal.{_FLAG}",
    risk="safe",
    apply=_apply,
    serves="",
)
