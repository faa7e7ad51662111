"""Methods that make features of items, and the embedding of text and features together."""

from __future__ import annotations

import libcst as cst

from mmport.codemods.classes import (
    Statement,
    after_attributes,
    apart,
    find_class,
    lineage,
    method,
    names_in,
    replace_class,
    statements,
    with_statements,
    written,
)
from mmport.codemods.imports import Imported, dotted, with_imports
from mmport.codemods.outcome import Changed, Outcome, Unchanged
from mmport.codemods.printing import code_of
from mmport.codemods.rewrite.graft import is_grafted
from mmport.codemods.rewrite.step import Rewriting, Step
from mmport.codemods.rewrite.steps.adapters import takes_adapters
from mmport.codemods.rewrite.steps.decoder import decoder_of
from mmport.codemods.rewrite.steps.interface import inherited_model

_FIRST = "get_placeholder_str"
_LANGUAGE_MODEL = ("forward", "compute_logits", "load_weights", "sample", "sampler")
"""What a text class has itself."""
_ADAPTERS = ("get_mm_mapping", "get_mm_lora_token_counts")
_EMBED = "embed_input_ids"
FEATURES = ("embed_multimodal", "get_multimodal_embeddings")
"""Methods by which an engine has a class make features, today and before."""
_FIRST_EMBED = "get_input_embeddings"
"""What embeds in the first API: the port has one where engines call it with features."""
_TEXT_EMBED = "embed_text"
"""What a class's own embedding of text alone is called, where it is more than the decoder's."""
_MERGE = Imported(
    "vllm.model_executor.models.utils",
    "_merge_multimodal_embeddings",
    "_merge_multimodal_embeddings",
)
_TORCH = Imported("torch", "", "torch")
_CHOSEN = """# The inherited one embeds text alone.
embed_input_ids = SupportsMultiModal.embed_input_ids
"""
_OWN_EMBED = """
def embed_input_ids(
    self,
    input_ids: torch.Tensor,
    multimodal_embeddings: MultiModalEmbeddings | None = None,
    *,
    is_multimodal: torch.Tensor | None = None,
) -> torch.Tensor:
    inputs_embeds = self._embed_text_input_ids(
        input_ids, self.embed_text, is_multimodal=is_multimodal
    )
    if not multimodal_embeddings or is_multimodal is None:
        return inputs_embeds

    return _merge_multimodal_embeddings(
        inputs_embeds, multimodal_embeddings, is_multimodal
    )
"""


def _apply(module: cst.Module, rewriting: Rewriting) -> Outcome:
    node = find_class(module, rewriting.class_name)
    known = {
        one.name.value
        for owner in lineage(module, node)
        for one in statements(owner)
        if isinstance(one, cst.FunctionDef)
    }
    lacking = {
        name
        for name in rewriting.graft.methods
        if name not in (*known, *_LANGUAGE_MODEL, *_ADAPTERS)
    }
    if not lacking or (known & set(FEATURES) and not is_grafted(node)):
        return Unchanged()
    adapters = takes_adapters(module, node)
    added = {
        name: _speaking_of_decoder(one, decoder_of(node))
        for name, one in rewriting.graft.methods.items()
        if name not in _LANGUAGE_MODEL
        and (name not in known or name == _FIRST_EMBED)
        and (adapters or name not in _ADAPTERS)
    }
    embeds: list[Statement] = []
    if rewriting.graft.merges_in_forward:
        body = _with_first_embedding(node, added)
    else:
        body, embeds = _with_embedding(node)
    body = _placed(body, added)
    module = replace_class(module, with_statements(node, body))
    wanted = rewriting.graft.imports_of([*added.values(), *embeds])
    wanted += [one for one in (_MERGE, _TORCH) if one.bound in names_in(embeds)]
    return Changed(with_imports(module, wanted), "methods make features of items")


def _with_embedding(node: cst.ClassDef) -> tuple[list[Statement], list[Statement]]:
    """Let the protocol's embedding take the place of one that knows of text alone.

    One that only asks the decoder is what the protocol does by itself, and goes; one
    that a model of another module has is passed over; any other is kept by another
    name, and asked for the text.
    """
    body = statements(node)
    if inherited_model(node) and method(node, _EMBED) is None:
        chosen = written(_CHOSEN)
        place = after_attributes(body)
        return [*body[:place], *map(apart, chosen), *body[place:]], chosen
    own = [one for one in body if isinstance(one, cst.FunctionDef) and one.name.value == _EMBED]
    if not own or len(own[0].params.params) > 2:
        return body, []
    if _asks_decoder(own[0]):
        return [one for one in body if one is not own[0]], []
    kept = own[0].with_changes(name=cst.Name(_TEXT_EMBED))
    merged = written(_OWN_EMBED)
    place = body.index(own[0])
    return [*body[:place], kept, *map(apart, merged), *body[place + 1 :]], merged


def _with_first_embedding(node: cst.ClassDef, added: dict[str, cst.FunctionDef]) -> list[Statement]:
    """Let the port's embedding of text and features take the place of one of text alone."""
    body, own = statements(node), method(node, _FIRST_EMBED)
    if own is None or _FIRST_EMBED not in added:
        return body
    if _asks_decoder(own):
        return [one for one in body if one is not own]
    asking = added[_FIRST_EMBED].visit(_AskingText())
    assert isinstance(asking, cst.FunctionDef)  # noqa: S101 - a method stays one
    added[_FIRST_EMBED] = asking
    return [one.with_changes(name=cst.Name(_TEXT_EMBED)) if one is own else one for one in body]


class _AskingText(cst.CSTTransformer):
    """Asks the class's own embedding of text where the port asks its language model."""

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:  # noqa: N802
        if not dotted(updated_node.func).endswith(f".{_FIRST_EMBED}"):
            return updated_node
        return updated_node.with_changes(func=cst.parse_expression(f"self.{_TEXT_EMBED}"))


def _asks_decoder(embed: cst.FunctionDef) -> bool:
    """Tell `return self.decoder.embed_input_ids(input_ids)` without a comment about it."""
    body = statements(embed)
    text = code_of(embed)
    if len(body) != 1 or "#" in text or not isinstance(body[0], cst.SimpleStatementLine):
        return False
    part = body[0].body[0]
    if not isinstance(part, cst.Return) or not isinstance(part.value, cst.Call):
        return False
    asked = dotted(part.value.func)
    owner, _, name = asked.rpartition(".")
    return owner.startswith("self.") and owner.count(".") == 1 and name in (_EMBED, _FIRST_EMBED)


def _speaking_of_decoder(one: cst.FunctionDef, decoder: str) -> cst.FunctionDef:
    """Name the text class's decoder where the port names its language model."""
    if one.name.value != "get_mm_mapping":
        return one
    changed = one.visit(_Mapping(decoder or "model"))
    assert isinstance(changed, cst.FunctionDef)  # noqa: S101 - a method stays one
    return changed


class _Mapping(cst.CSTTransformer):
    def __init__(self, decoder: str) -> None:
        self.decoder = decoder

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:  # noqa: N802
        if dotted(updated_node.keyword) == "language_model":
            return updated_node.with_changes(value=cst.SimpleString(f'"{self.decoder}"'))
        return updated_node


def _placed(body: list[Statement], added: dict[str, cst.FunctionDef]) -> list[Statement]:
    """Put what asks for a placeholder first, then the constructor, then the others."""
    first = [apart(one) for name, one in added.items() if name == _FIRST]
    others = [apart(one) for name, one in added.items() if name not in (_FIRST, *_ADAPTERS)]
    last = [apart(one) for name, one in added.items() if name in _ADAPTERS]
    place = after_attributes(body)
    behind = next(
        (
            number + 1
            for number, one in enumerate(body)
            if isinstance(one, cst.FunctionDef) and one.name.value == "__init__"
        ),
        place,
    )
    if place < len(body):
        body = [*body[:place], apart(body[place]), *body[place + 1 :]] if first else body
    return [*body[:place], *first, *body[place:behind], *others, *body[behind:], *last]


STEP = Step(
    id="embeddings",
    summary="Methods make features of items, which are embedded among the text",
    since="0.11.1",
    reference="SupportsMultiModal.embed_multimodal, get_placeholder_str, embed_input_ids",
    risk="low",
    apply=_apply,
)
