"""HF's processor sees the media alone: what counted items for its dummy text says so itself."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from mmport.codemods.migrate.codemod import Codemod, Edits, Note
from mmport.codemods.migrate.editing import block, drop_method
from mmport.codemods.migrate.reading import Reading
from mmport.usage.source import ModelClass
from mmport.usage.walking import walk
from mmport.vllm_api.surface.stubs import FunctionNode

_PROCESSOR = "BaseMultiModalProcessor"
_MAIN, _OLD, _TEXT = (
    "_apply_hf_processor_main",
    "_apply_hf_processor_mm_only",
    "_apply_hf_processor_text_mm",
)
_NEW, _DUMMY = "_get_hf_mm_inputs", "get_dummy_text"
_OURS = {
    *(_OLD, _TEXT, "_apply_hf_processor_text_only", "_apply_hf_processor_tokens_only"),
    # What the last is called since 0.29.0.
    "_postprocess_prompt",
}
_HARMLESS = {"isinstance", "get_tokenizer", "encode", "encode_tokens"}
_HEAD = f"""
def {_NEW}(
    self,
    mm_items: MultiModalDataItems,
    hf_kwargs: Mapping[str, object],
) -> HFMultiModalInputs:
"""
_TAIL = f"""
    hf_inputs = super().{_NEW}(mm_items, hf_kwargs)
    if "text" in hf_inputs.hf_data:
        hf_inputs.hf_data["text"] = self.dummy_inputs.{_DUMMY}(@)
    return hf_inputs
"""


@dataclass(frozen=True, slots=True)
class _Counting:
    """What an override does: the statements that count, and the counts that the text is of."""

    before: list[ast.stmt]
    counts: str

    @property
    def is_plain(self) -> bool:
        """Tell whether all items are counted, as they are without the override."""
        match self.before:
            case [ast.Assign(targets=[ast.Name(id=name)], value=value)]:
                return name == self.counts and ast.unparse(value) == "mm_items.get_all_counts()"
        return False


def _prompt(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs(_PROCESSOR):
        main = item.methods.get(_MAIN)
        if main is not None and _adds_nothing(main):
            drop_method(reading, item, main, edits)
    return edits


def _media(reading: Reading) -> Edits:
    edits = Edits()
    for item in reading.heirs(_PROCESSOR):
        old = item.methods.get(_OLD)
        if old is not None and not item.own(_NEW):
            _rewrite(reading, item, old, edits)
    return edits


def _adds_nothing(method: FunctionNode) -> bool:
    """Tell an override that tokenizes the prompt, and hands the media to the method for them."""
    if "prompt" not in {one.arg for one in method.args.args}:
        return False
    calls = [node.func for node in walk(method) if isinstance(node, ast.Call)]
    names = {getattr(one, "attr", getattr(one, "id", "")) for one in calls}
    return _OLD in names and names <= _OURS | _HARMLESS


def _rewrite(reading: Reading, item: ModelClass, method: FunctionNode, edits: Edits) -> None:
    found = _counting(method)
    if found is None:
        message = f"{item.name}.{_OLD} gives the media to HF's processor in a way of its own"
        fix = f"change what {_NEW} gives, or override _call_hf_processor"
        edits.notes.append(Note((item.name, _OLD), message, fix))
        return
    if found.is_plain:
        drop_method(reading, item, method, edits)
        return
    code = _HEAD + _body(reading, method, found) + _TAIL.replace("@", found.counts).lstrip("\n")
    edits.put(*reading.span(method), block(reading, method, code.strip()).lstrip())
    edits.need("collections.abc", "Mapping")
    edits.need("vllm.multimodal.parse", "MultiModalDataItems")
    edits.need("vllm.multimodal.processing.processor", "HFMultiModalInputs")


def _counting(method: FunctionNode) -> _Counting | None:
    """Follow `_, data, _ = self._apply_hf_processor_text_mm(…); return data`."""
    body = method.body[1:] if ast.get_docstring(method) is not None else method.body
    match body:
        case [
            *before,
            ast.Assign(
                targets=[ast.Tuple(elts=[ast.Name(), ast.Name(id=data), ast.Name()])],
                value=ast.Call(func=ast.Attribute(attr=name)) as call,
            ),
            ast.Return(value=ast.Name(id=given)),
        ] if name == _TEXT and given == data:
            return _counted(before, call)
    return None


def _counted(before: list[ast.stmt], call: ast.Call) -> _Counting | None:
    texts = [one.value for one in call.keywords if one.arg == "prompt_text"] or call.args[:1]
    match texts:
        case [ast.Call(func=ast.Attribute(attr=name), args=[ast.Name(id=counts)])]:
            own = {"mm_items", "hf_processor_mm_kwargs", "self"}
            used = {one.id for node in before for one in walk(node) if isinstance(one, ast.Name)}
            left = "tokenization_kwargs" in used or counts in own
            return None if name != _DUMMY or left else _Counting(before, counts)
    return None


def _body(reading: Reading, method: FunctionNode, found: _Counting) -> str:
    """Give the docstring and the counting, a level in from a method that is not indented."""
    kept = [*method.body[: len(method.body) - len(found.before) - 2], *found.before]
    first = reading.line_start(reading.span(kept[0])[0])
    code = reading.text[first : reading.next_line(reading.span(kept[-1])[1])]
    outer = reading.indent(method.body[0])[4:]
    rows = (row.removeprefix(outer) for row in code.splitlines())
    return "\n".join(rows).replace("hf_processor_mm_kwargs", "hf_kwargs") + "\n"


PROMPT = Codemod(
    id="prompt-tokens",
    summary=f"{_MAIN} is not overridden to tokenize the prompt, which comes as tokens",
    since="0.29.0",
    instead="nothing",
    reference=f"BaseMultiModalProcessor.{_MAIN}",
    risk="safe",
    apply=_prompt,
)

MEDIA = Codemod(
    id="media-only",
    summary=f"What {_OLD} counts for the dummy text, {_NEW} does",
    since="0.31.0",
    instead=_NEW,
    reference=f"BaseMultiModalProcessor.{_NEW}",
    risk="review",
    apply=_media,
)
