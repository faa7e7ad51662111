"""How data is parsed is asked of the processing info, not of the processor."""

from __future__ import annotations

import ast
import textwrap

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import drop_method, put_method, rename_reads
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.vllm_api.surface.stubs import FunctionNode

_OLD, _NEW = "_get_data_parser", "get_data_parser"
_DELEGATION = f"return self.info.{_NEW}()"
_PROCESSOR, _INFO = "BaseMultiModalProcessor", "BaseProcessingInfo"


def _apply(reading: Reading) -> Edits:
    return _moved_all(reading, keep=False)


def _bridge(reading: Reading) -> Edits:
    """Keep the old hook, which asks the processing info."""
    return _moved_all(reading, keep=True)


def _moved_all(reading: Reading, *, keep: bool) -> Edits:
    edits = Edits()
    for item in reading.heirs(_PROCESSOR):
        method = item.methods.get(_OLD)
        info = info_of(reading, item) if method else None
        if method is not None:
            if keep and ast.unparse(method.body[-1]) == _DELEGATION and len(method.body) == 1:
                continue
            if info is None or _keeps_to_itself(method):
                edits.notes.append(Note((item.name, _OLD), _VAGUE, _FIX))
                continue
            if not info.own(_NEW):
                put_method(reading, info, _moved(reading, method), edits)
            if not keep:
                drop_method(reading, item, method, edits)
            else:
                _ask_info(reading, method, edits)
        for other in item.methods.values():
            if other is not method and not keep:
                rename_reads(reading, other, (), _OLD, f"info.{_NEW}", edits)
    return edits


_VAGUE = "the processing info that the data parser is to move to cannot be told"
_FIX = f"write {_NEW}(self) in the processing info, where self.info is self"


def info_of(reading: Reading, item: ModelClass) -> ModelClass | None:
    """Find the class of the file that gives a processor its information.

    It is named in the registration beside the processor, or in the brackets of the
    processor's base.
    """
    named = [_registered(call, item.name) for call in reading.file.calls]
    named += [
        base.slice.id
        for base in item.node.bases
        if isinstance(base, ast.Subscript) and isinstance(base.slice, ast.Name)
    ]
    named += _bounds(reading, [one for one in named if one])
    for name in named:
        found = reading.file.classes.get(name)
        if found is not None and _INFO in reading.family(found):
            return found
    return None


def _bounds(reading: Reading, names: list[str]) -> list[str]:
    """Give what type variables are bound to."""
    found = []
    for node in reading.tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(keywords=keywords)):
                bounds = [one.value for one in keywords if one.arg == "bound"]
                if name in names:
                    found += [one.id for one in bounds if isinstance(one, ast.Name)]
    return found


def _registered(call: ast.Call, processor: str) -> str:
    if not (isinstance(call.func, ast.Attribute) and call.func.attr == "register_processor"):
        return ""
    first = call.args[0] if call.args else None
    info = next((one.value for one in call.keywords if one.arg == "info"), None)
    ours = isinstance(first, ast.Name) and first.id == processor
    return info.id if ours and isinstance(info, ast.Name) else ""


def _keeps_to_itself(method: FunctionNode) -> bool:
    """Tell a method that needs more of the processor than its information."""
    known: set[int] = set()
    for part in ast.walk(method):
        match part:
            case ast.Attribute(value=ast.Name(id="self") as owner, attr="info"):
                known.add(id(owner))
    return any(
        isinstance(part, ast.Name) and part.id == "self" and id(part) not in known
        for part in ast.walk(method)
    )


def _ask_info(reading: Reading, method: FunctionNode, edits: Edits) -> None:
    start, end = reading.span(method.body[0])[0], reading.span(method.body[-1])[1]
    edits.put(start, end, _DELEGATION)


def _moved(reading: Reading, method: FunctionNode) -> str:
    start, end = reading.span(method)
    code = textwrap.dedent(reading.indent(method) + reading.text[start:end].replace("\r\n", "\n"))
    code = code.replace(f"def {_OLD}", f"def {_NEW}").replace(f".{_OLD}(", f".{_NEW}(")
    return code.replace("self.info.", "self.").replace("self.info", "self")


CODEMOD = Codemod(
    id="data-parser",
    summary=f"{_OLD} of the processor becomes {_NEW} of its processing info",
    since="0.16.0",
    instead=_NEW,
    reference=f"{_INFO}.{_NEW}",
    risk="safe",
    apply=_apply,
    serves="",
    bridge=_bridge,
)
